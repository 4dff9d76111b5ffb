from clnet.core.events import AllocEvent, EventHub, LaunchEvent


def test_subscription_ends():
    hub = EventHub()
    assert not hub.launch
    assert not hub.alloc
    launches, allocations = [], []
    unsubscribe = hub.subscribe(launch=launches.append, alloc=allocations.append)
    for hook in hub.launch:
        hook(LaunchEvent("cpu", "add", (4,), None))
    for hook in hub.alloc:
        hook(AllocEvent("cpu", 128))
    unsubscribe()
    assert launches[0].entry == "add"
    assert allocations[0].nbytes == 128
    assert not hub.launch
    assert not hub.alloc
