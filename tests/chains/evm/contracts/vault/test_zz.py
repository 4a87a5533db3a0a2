import pytest
from tests.support.seizing import *
from tests.support.seizing import DOLLAR
from tests.support.vaults import *
from tests.support.rescue import refused
pytestmark = pytest.mark.net

def test_all(vaults):
    s = open_story(vaults)
    a,b = vaults.chains
    print(s.health(a), s.health(b))
    s.refresh()
    print(s.health(a), s.health(b))
    assert refused(s.lock) == "healthy"
    endanger(s)
    print(s.health(a), s.health(b), s.judge(a))
    o = s.lock()
    print(o, s.health(a))
    s.register(o)
    r = s.fill(o, 100_000*DOLLAR)
    print(r)
    print(s.claim(o, r))
    s.refresh()
    print(s.health(a), s.health(b), s.read_open(a), a.locked(s.account,0), a.line_out(s.account,b,0), b.line_in(s.account,a,0))
    print(format_gas(vaults.chains))
