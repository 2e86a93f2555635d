import pytest

from identity.devices import device_name

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox on Windows"),
        (f"{IPHONE} Version/18.0 Mobile/15E148 Safari/604.1", "Mobile Safari on iOS"),
        ("curl/8.5.0", "curl"),
        ("Exchanger's own client", "Exchanger's own client"),
        ("", ""),
    ],
)
def test_a_device_is_named_as_its_owner_would_name_it(agent, name):
    assert device_name(agent) == name
