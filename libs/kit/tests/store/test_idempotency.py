"""The same request twice takes effect once, and gets the same answer."""

import asyncio

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from lumbung_kit.failures import ConcurrentChange, RequestIdReused, RequestInFlight
from lumbung_kit.idempotency import answer_before, content_hash, once
from lumbung_kit.postgres import Conn, Postgres

METHOD = "lumbung.test.v1.TestService/Put"


def message_type(name: str) -> type[Message]:
    """A message with `request_id` and `note`, made here because the kit knows no service's contract."""
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="kit.test", syntax="proto3")
    message = file.message_type.add(name=name)
    for number, field in enumerate(("request_id", "note"), start=1):
        message.field.add(
            name=field,
            number=number,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"kit.test.{name}"))


Put = message_type("Put")
Other = message_type("Other")


def test_the_hash_is_of_everything_but_the_request_id() -> None:
    assert content_hash(Put(request_id="a", note="x")) == content_hash(Put(request_id="b", note="x"))
    assert content_hash(Put(request_id="a", note="x")) != content_hash(Put(request_id="a", note="y"))
    assert content_hash(Put(note="x")) != content_hash(Other(note="x"))
    assert len(content_hash(Put())) == 32


class Work:
    """Inserts one effect per run and answers with the number of runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, conn: Conn) -> Message:
        self.runs += 1
        await conn.execute("insert into effect select coalesce(max(position), 0) + 1, 'done' from effect")
        self.reached.set()
        await self.go_on.wait()
        return Put(note=f"run {self.runs}")


async def count_effects(postgres: Postgres) -> int:
    async with postgres.connection() as conn:
        row = await (await conn.execute("select count(*) from effect")).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.store
async def test_a_repeated_request_gets_the_first_answer_and_has_no_effect(postgres: Postgres) -> None:
    work = Work()
    request = Put(request_id="r1", note="x")
    answers = [await once(postgres, METHOD, request, Put, work) for _ in range(3)]
    assert answers == [Put(note="run 1")] * 3
    assert (work.runs, await count_effects(postgres)) == (1, 1)


@pytest.mark.store
async def test_another_id_or_another_method_is_another_request(postgres: Postgres) -> None:
    work = Work()
    await once(postgres, METHOD, Put(request_id="r1"), Put, work)
    await once(postgres, METHOD, Put(request_id="r2"), Put, work)
    await once(postgres, METHOD + "Other", Put(request_id="r1"), Put, work)
    assert (work.runs, await count_effects(postgres)) == (3, 3)


@pytest.mark.store
async def test_the_same_id_with_other_content_is_refused_and_names_the_field(postgres: Postgres) -> None:
    work = Work()
    await once(postgres, METHOD, Put(request_id="r1", note="x"), Put, work)
    with pytest.raises(RequestIdReused) as refused:
        await once(postgres, METHOD, Put(request_id="r1", note="y"), Put, work)
    assert [violation.field for violation in refused.value.fields] == ["request_id"]
    assert await count_effects(postgres) == 1


@pytest.mark.store
async def test_a_failure_rolls_everything_back_and_leaves_the_id_free(postgres: Postgres) -> None:
    async def fail(conn: Conn) -> Message:
        await Work()(conn)
        raise ConcurrentChange

    request = Put(request_id="r1")
    with pytest.raises(ConcurrentChange):
        await once(postgres, METHOD, request, Put, fail)
    assert await count_effects(postgres) == 0
    assert await once(postgres, METHOD, request, Put, Work()) == Put(note="run 1")


@pytest.mark.store
async def test_an_answer_given_before_is_known_without_asking_for_another(postgres: Postgres) -> None:
    request = Put(request_id="r1")
    assert await answer_before(postgres, METHOD, request, Put) is None
    answer = await once(postgres, METHOD, request, Put, Work())
    assert await answer_before(postgres, METHOD, request, Put) == answer
    assert await answer_before(postgres, "another", request, Put) is None
    with pytest.raises(RequestIdReused):
        await answer_before(postgres, METHOD, Put(request_id="r1", note="other"), Put)


@pytest.mark.store
async def test_while_it_is_being_handled_the_same_request_is_told_to_wait(postgres: Postgres) -> None:
    work = Work()
    work.go_on.clear()
    request = Put(request_id="r1")
    first = asyncio.create_task(once(postgres, METHOD, request, Put, work))
    await work.reached.wait()

    with pytest.raises(RequestInFlight) as refused:
        await once(postgres, METHOD, request, Put, work)
    assert refused.value.retry_after_s

    work.go_on.set()
    assert await first == Put(note="run 1")
    assert await once(postgres, METHOD, request, Put, work) == Put(note="run 1")


@pytest.mark.store
async def test_of_many_at_once_exactly_one_takes_effect(postgres: Postgres) -> None:
    work = Work()
    request = Put(request_id="r1")

    async def ask() -> Message:
        while True:
            try:
                return await once(postgres, METHOD, request, Put, work)
            except RequestInFlight:
                await asyncio.sleep(0)

    answers = await asyncio.gather(*(ask() for _ in range(30)))
    assert set(map(str, answers)) == {str(Put(note="run 1"))}
    assert (work.runs, await count_effects(postgres)) == (1, 1)
