"""The driver host against the suite; it has no networks and says so."""

from __future__ import annotations

import pytest
from polypod.errors import NetworkError
from polypod.model.network import Network
from polypod.testing.network import NetworkSuite, setup_of
from polypod_network_host import HostNetwork


class TestHostNetwork(NetworkSuite):
    @pytest.fixture
    def make_driver(self):
        return lambda **where: HostNetwork(**where)

    def test_no_networks(self, driver):
        assert driver.network_list() == []

    def test_errors_name_the_remedy(self, driver):
        for action in (
            lambda: driver.network_create(Network(name="t1", id=""), False),
            lambda: driver.network_setup(setup_of("podman", netns_path="/run/netns/x")),
        ):
            with pytest.raises(NetworkError, match="--network host or none, or install netavark"):
                action()
