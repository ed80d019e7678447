import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from lumbung_kit.settings import ServiceSettings, load


class ProbeSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LUMBUNG_PROBE_")

    shelf_count: int = 3


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("LUMBUNG_PROBE_POSTGRES_URL", "postgresql://u:secret@h/d")
    return monkeypatch


def test_the_environment_is_read_under_the_services_prefix(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LUMBUNG_PROBE_SHELF_COUNT", "7")
    settings = load(ProbeSettings)
    assert settings.shelf_count == 7
    assert settings.postgres_url.get_secret_value() == "postgresql://u:secret@h/d"


def test_settings_are_frozen_and_keep_secrets_to_themselves(environment: pytest.MonkeyPatch) -> None:
    settings = load(ProbeSettings)
    assert "secret" not in repr(settings)
    with pytest.raises(ValidationError):
        settings.listen = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "8080"),
        ("LISTEN", "127.0.0.1:99999"),
        ("METRICS_LISTEN", "nowhere"),
        ("LOG_LEVEL", "LOUD"),
        ("TRACE_RATIO", "1.5"),
        ("DEFAULT_DEADLINE_S", "0"),
        ("SHELF_COUNT", "many"),
        ("SERVER_ENGINE", "steam"),
    ],
)
def test_a_bad_setting_is_one_sentence_that_names_the_variable(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    environment.setenv(f"LUMBUNG_PROBE_{name}", value)
    with pytest.raises(SystemExit) as exit_:
        load(ProbeSettings)
    assert exit_.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"LUMBUNG_PROBE_{name} cannot be used: ")
    assert said.count("\n") == 1


def test_every_bad_setting_gets_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LUMBUNG_PROBE_POSTGRES_URL", raising=False)
    monkeypatch.setenv("LUMBUNG_PROBE_LISTEN", "x")
    with pytest.raises(SystemExit):
        load(ProbeSettings)
    said = capsys.readouterr().err
    assert "LUMBUNG_PROBE_POSTGRES_URL is not set, and the service cannot start without it.\n" in said
    assert "LUMBUNG_PROBE_LISTEN cannot be used" in said


def test_connections_are_closed_by_age_only_by_an_engine_that_can(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("LUMBUNG_PROBE_MAX_CONNECTION_AGE_S", "60")
    assert load(ProbeSettings).max_connection_age_s == 60
    environment.setenv("LUMBUNG_PROBE_SERVER_ENGINE", "pygrpc-native")
    with pytest.raises(SystemExit):
        load(ProbeSettings)
    assert capsys.readouterr().err == (
        "LUMBUNG_PROBE_MAX_CONNECTION_AGE_S cannot be used: "
        "pygrpc-native closes no connection by its age; leave it at 0.\n"
    )


def test_an_engine_that_is_not_installed_is_a_sentence(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr("lumbung_kit.settings.find_spec", lambda _name: None)
    environment.setenv("LUMBUNG_PROBE_SERVER_ENGINE", "pygrpc-native")
    with pytest.raises(SystemExit):
        load(ProbeSettings)
    assert "it comes with lumbung-kit[native]" in capsys.readouterr().err
