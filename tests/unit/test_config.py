"""Settings: precedence, provenance, and an error that names the fix for each thing that can be wrong."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from tm.config import KEYS, load_settings, settings_with_sources, vincent_key
from tm.errors import ConfigError, CredentialsError
from tm.settings import Settings


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"OPENCLAW_STATE_DIR": str(tmp_path)}


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "trade-manager.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_without_a_file_every_key_has_its_default(environ: dict[str, str], tmp_path: Path) -> None:
    settings = load_settings(environ=environ)
    assert settings.port == 19000
    assert settings.vincent_api_url == "https://heyvincent.ai"
    assert settings.max_spread == Decimal("0.10")
    assert settings.allowed_actions == ("SELL_ALL", "SELL_PARTIAL")
    assert settings.state_dir == tmp_path
    assert settings.database_path == tmp_path / "trade-manager.db"


def test_a_flag_beats_the_environment_which_beats_the_file(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, {"port": 1001, "confirmTicks": 2, "maxSpread": 0.05})
    environ |= {"TM_PORT": "1002", "TM_CONFIRM_TICKS": "3"}
    settings = load_settings(flags={"port": 1003}, environ=environ)
    assert (settings.port, settings.confirm_ticks, settings.max_spread) == (1003, 3, Decimal("0.05"))


def test_each_value_says_where_it_came_from(environ: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, {"confirmTicks": 2})
    environ["TM_MAX_SPREAD"] = "0.2"
    shown = {key: (value, source) for key, value, source in settings_with_sources(None, {"port": 7}, environ)}
    assert shown["port"] == (7, "flag")
    assert shown["maxSpread"] == (0.2, "environment TM_MAX_SPREAD")
    assert shown["confirmTicks"] == (2, f"file {path}")
    assert shown["logLevel"] == ("info", "default")
    assert list(shown) == [key.name for key in KEYS]


def test_secrets_are_masked_wherever_settings_are_shown(environ: dict[str, str]) -> None:
    environ |= {
        "TM_VINCENT_API_KEY": "ssk_hidden",
        "TM_API_TOKEN": "hidden-too",
        "TM_ALERTS_SHARED_SECRET": "hidden",
    }
    assert "hidden" not in json.dumps(settings_with_sources(environ=environ))
    assert "hidden" not in repr(load_settings(environ=environ))


def test_every_key_has_an_environment_name_in_upper_snake_case() -> None:
    names = {key.name: key.env for key in KEYS}
    assert names["vincentApiUrl"] == "TM_VINCENT_API_URL"
    assert names["databaseUrl"] == "TM_DATABASE_URL"
    assert len(set(names.values())) == len(KEYS)
    assert all(key.meaning and key.expects for key in KEYS)


def test_an_empty_variable_is_an_unset_one(environ: dict[str, str]) -> None:
    assert load_settings(environ={**environ, "TM_PORT": ""}).port == 19000


def test_an_unknown_key_names_the_nearest_known_one(environ: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, {"pollInterval": 15})
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    assert str(path) in caught.value.message
    assert '"pollInterval"' in caught.value.message
    assert caught.value.hint == 'did you mean "pollIntervalSeconds"?'


def test_a_key_in_snake_case_is_unknown_and_named_right(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, {"max_spread": 0.1})
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    assert caught.value.hint == 'did you mean "maxSpread"?'


def test_an_unknown_variable_is_none_of_our_business(environ: dict[str, str]) -> None:
    load_settings(environ={**environ, "TM_NONSENSE": "1"})


def test_broken_json_names_file_line_and_column(environ: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, '{\n  "port": 19000,\n}')
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    assert f"{path}, line 3, column 1" in caught.value.message


@pytest.mark.parametrize(
    "text", ["[]", "3", '"x"', "null", '{"maxSpread": NaN}', '{"port": 1, "port": 2}', "[" * 100_000, ""]
)
def test_what_is_not_one_json_object_is_refused(text: str, environ: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=str(path)):
        load_settings(environ=environ)


def test_a_file_that_is_not_text_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "trade-manager.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(environ=environ)


def test_a_directory_in_place_of_the_file_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "trade-manager.json").mkdir()
    with pytest.raises(ConfigError, match=r"cannot read .*trade-manager\.json"):
        load_settings(environ=environ)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, {}).chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load_settings(environ=environ)


def test_a_file_that_was_asked_for_must_exist(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load_settings(str(tmp_path / "none.json"), environ=environ)
    with pytest.raises(ConfigError, match="no configuration file"):
        load_settings(environ={**environ, "TM_CONFIG": str(tmp_path / "none.json")})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", 0),
        ("port", 65536),
        ("port", True),
        ("port", "http"),
        ("port", None),
        ("port", 19000.5),
        ("pollIntervalSeconds", 4),
        ("pollIntervalSeconds", 7),
        ("pollIntervalSeconds", 90),
        ("jobPollIntervalSeconds", 0),
        ("maxJobAttempts", -1),
        ("maxSpread", 0),
        ("maxSpread", 1),
        ("maxSpread", "wide"),
        ("maxSpread", "NaN"),
        ("maxSlippagePercent", -1),
        ("maxSlippagePercent", 101),
        ("confirmTicks", 0),
        ("requestsPerTick", 1),
        ("notifyAgent", "maybe"),
        ("notifyAgent", 1),
        ("logLevel", "loud"),
        ("evaluationLog", "none"),
        ("approvals", "always"),
        ("priceSource", "oracle"),
        ("allowedActions", ["BUY"]),
        ("allowedActions", 5),
        ("databaseUrl", "postgres://x"),
        ("databaseUrl", "file:"),
        ("databaseUrl", "file:x.db?mode=ro"),
        ("vincentApiUrl", "heyvincent.ai"),
        ("vincentApiUrl", "ftp://heyvincent.ai"),
        ("vincentApiUrl", "https://user:pass@heyvincent.ai"),
        ("vincentApiUrl", "https://heyvincent.ai:99999"),
        ("vincentApiUrl", "https://"),
        ("vincentApiUrl", "https://hey vincent.ai"),
        ("vincentApiUrl", "https://[::1"),
        ("vincentApiUrl", 5),
        ("agentWakeUrl", "openclaw"),
        ("agentWakeUrl", "http://a:b@127.0.0.1/hooks/wake"),
        ("alertsSharedSecret", ""),
        ("apiToken", 'a b"c'),
        ("vincentApiKey", 12),
    ],
)
def test_a_wrong_value_names_key_value_source_and_what_is_expected(
    key: str, value: object, environ: dict[str, str], tmp_path: Path
) -> None:
    path = write(tmp_path, {key: value})
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    known = next(k for k in KEYS if k.name == key)
    shown = "the value (hidden)" if known.secret else json.dumps(value)
    assert caught.value.message == f"{key} (file {path}): {shown} is not {known.expects}"
    assert caught.value.exit_code == 78


def test_a_wrong_secret_is_not_repeated(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={**environ, "TM_API_TOKEN": "two words"})
    assert "two words" not in json.dumps(caught.value.to_wire())


def test_all_wrong_values_are_listed_at_once(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={**environ, "TM_PORT": "x", "TM_CONFIRM_TICKS": "y"})
    assert len(caught.value.details) == 2


@pytest.mark.parametrize("written", [0.07, "0.07"])
def test_decimals_are_read_exactly_from_numbers_and_from_text(
    written: object, environ: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path, {"maxSpread": written})
    assert load_settings(environ=environ).max_spread == Decimal("0.07")


def test_lists_and_flags_can_be_written_in_the_environment(environ: dict[str, str]) -> None:
    environ |= {"TM_ALLOWED_ACTIONS": "SELL_ALL, REDEEM", "TM_NOTIFY_AGENT": "no", "TM_LOG_LEVEL": "WARN"}
    settings = load_settings(environ=environ)
    assert settings.allowed_actions == ("SELL_ALL", "REDEEM")
    assert settings.notify_agent is False
    assert settings.log_level == "warning"


@pytest.mark.parametrize("url", ["cli:", "cli:/opt/openclaw", "http://127.0.0.1:18789/hooks/agent"])
def test_the_agent_is_woken_over_http_or_by_its_program(url: str, environ: dict[str, str]) -> None:
    assert load_settings(environ={**environ, "TM_AGENT_WAKE_URL": url}).agent_wake_url == url


def test_a_trailing_slash_of_a_url_is_dropped(environ: dict[str, str]) -> None:
    assert load_settings(environ={**environ, "TM_VINCENT_API_URL": "http://x/"}).vincent_api_url == "http://x"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:/var/x.db", "/var/x.db"),
        ("file:///var/x.db", "/var/x.db"),
        ("file:sub/x.db", "{state}/sub/x.db"),
    ],
)
def test_the_database_lies_where_its_url_says(
    url: str, path: str, environ: dict[str, str], tmp_path: Path
) -> None:
    settings = load_settings(environ={**environ, "TM_DATABASE_URL": url})
    assert str(settings.database_path) == path.format(state=tmp_path)


def test_a_tilde_in_the_database_url_is_the_home_directory(environ: dict[str, str]) -> None:
    settings = load_settings(environ={**environ, "TM_DATABASE_URL": "file:~/x.db"})
    assert settings.database_path == Path.home() / "x.db"


@pytest.mark.parametrize(
    "url", ["https://heyvincent.ai", "http://127.0.0.1.example.com", "http://10.0.0.1:1"]
)
def test_paper_money_is_never_traded_with_a_venue_elsewhere(url: str, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="not on this machine"):
        load_settings(environ={**environ, "TM_PAPER": "true", "TM_VINCENT_API_URL": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:19010", "http://localhost:1", "http://[::1]:1"])
def test_the_paper_exchange_is_on_this_machine(url: str, environ: dict[str, str]) -> None:
    assert load_settings(environ={**environ, "TM_PAPER": "true", "TM_VINCENT_API_URL": url}).paper


# ---- the Vincent key -----------------------------------------------------------------------------


def key_file(state: Path, folder: str, name: str, content: object) -> Path:
    path = state / "credentials" / folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def settings_in(state: Path, **values: object) -> Settings:
    environ = {"OPENCLAW_STATE_DIR": str(state)}
    return load_settings(flags=values, environ=environ)


def test_a_configured_key_is_used_without_looking_further(tmp_path: Path) -> None:
    key_file(tmp_path, "agentwallet", "x", "broken")
    assert vincent_key(settings_in(tmp_path, vincentApiKey=" ssk_mine\n")) == "ssk_mine"


def test_the_kinds_of_key_files_are_tried_in_order(tmp_path: Path) -> None:
    key_file(tmp_path, "agentwallet", "untyped", {"key": "ssk_3"})
    assert vincent_key(settings_in(tmp_path)) == "ssk_3"
    key_file(tmp_path, "agentwallet", "typed", {"type": "POLYMARKET_WALLET", "apiKey": "ssk_2"})
    assert vincent_key(settings_in(tmp_path)) == "ssk_2"
    key_file(tmp_path, "vincentpolymarket", "own", {"apiKey": "ssk_1"})
    assert vincent_key(settings_in(tmp_path)) == "ssk_1"


def test_a_key_of_another_kind_of_wallet_is_never_used(tmp_path: Path) -> None:
    key_file(tmp_path, "agentwallet", "evm", {"type": "EVM_WALLET", "apiKey": "ssk_evm"})
    with pytest.raises(CredentialsError, match="no Vincent key"):
        vincent_key(settings_in(tmp_path))
    with pytest.raises(CredentialsError, match="EVM_WALLET"):
        vincent_key(settings_in(tmp_path, vincentKeyId="evm"))


def test_two_keys_that_fit_are_listed_and_the_id_chooses(tmp_path: Path) -> None:
    for name in ("one", "two"):
        content = {"id": f"id-{name}", "type": "POLYMARKET_WALLET", "apiKey": f"ssk_{name}"}
        key_file(tmp_path, "agentwallet", name, content)
    with pytest.raises(CredentialsError, match="id-one, id-two") as caught:
        vincent_key(settings_in(tmp_path))
    assert "ssk_" not in json.dumps(caught.value.to_wire())
    assert caught.value.exit_code == 77
    assert vincent_key(settings_in(tmp_path, vincentKeyId="id-two")) == "ssk_two"
    with pytest.raises(CredentialsError, match="id-three"):
        vincent_key(settings_in(tmp_path, vincentKeyId="id-three"))


@pytest.mark.parametrize(
    "content", ['{"apiKey": "ssk_cut', "[]", '{"apiKey": ""}', "{}", '{"apiKey": "ssk_a\\nb"}']
)
def test_a_broken_key_file_is_named_and_not_quoted(content: str, tmp_path: Path) -> None:
    path = key_file(tmp_path, "agentwallet", "x", content)
    with pytest.raises(CredentialsError, match=str(path)) as caught:
        vincent_key(settings_in(tmp_path))
    assert "ssk_" not in json.dumps(caught.value.to_wire())


def test_a_broken_file_beside_a_good_one_is_an_error_too(tmp_path: Path) -> None:
    key_file(tmp_path, "agentwallet", "good", {"type": "POLYMARKET_WALLET", "apiKey": "ssk_good"})
    path = key_file(tmp_path, "agentwallet", "bad", "{")
    with pytest.raises(CredentialsError, match=str(path)):
        vincent_key(settings_in(tmp_path))
    assert vincent_key(settings_in(tmp_path, vincentKeyId="good")) == "ssk_good"


def test_a_directory_in_place_of_a_key_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "credentials" / "agentwallet" / "x.json"
    path.mkdir(parents=True)
    with pytest.raises(CredentialsError, match=str(path)):
        vincent_key(settings_in(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_key_file_without_read_permission_is_named(tmp_path: Path) -> None:
    path = key_file(tmp_path, "agentwallet", "x", {"apiKey": "ssk_x"})
    path.chmod(0)
    with pytest.raises(CredentialsError, match="Permission denied"):
        vincent_key(settings_in(tmp_path))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "localhost", "127.1", "*", "224.0.0.1", ""])
def test_the_bridge_listens_at_one_address_written_in_full(
    environ: dict[str, str], tmp_path: Path, address: str
) -> None:
    write(tmp_path, {"httpBindAddress": address, "apiToken": "t"})
    with pytest.raises(ConfigError, match="is not one IP address of this machine"):
        load_settings(environ=environ)


def test_a_bridge_that_strangers_can_reach_needs_a_token(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, {"httpBindAddress": "192.0.2.7"})
    with pytest.raises(ConfigError, match="there is no apiToken"):
        load_settings(environ=environ)
    write(tmp_path, {"httpBindAddress": "192.0.2.7", "apiToken": "t"})
    assert load_settings(environ=environ).http_bind_address == "192.0.2.7"
