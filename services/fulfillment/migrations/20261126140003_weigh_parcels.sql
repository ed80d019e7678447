-- migrate:up

-- What the catalog said that the contents weigh when the parcel was closed (null: not asked, or unknown of one of them),
-- what its packaging weighs (0: unknown), and why a weight was accepted that is not plausible.
alter table package add column contents_weight_g bigint;
alter table package add column packaging_weight_g bigint not null default 0;
alter table package add column weight_override_reason text not null default '';
alter table package add constraint package_weights_not_negative
check (contents_weight_g >= 0 and packaging_weight_g >= 0) not valid;
alter table package add constraint package_override_is_of_a_weight
check (weight_override_reason = '' or weight_g > 0) not valid;

-- A parcel with what is known of its weight.
create view weighed_package as
select
    whole_package.*,
    package.contents_weight_g,
    package.packaging_weight_g,
    package.weight_override_reason
from whole_package
inner join package using (package_id);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select on weighed_package to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
