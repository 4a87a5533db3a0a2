# pragma version 0.4.3
# @license Apache-2.0
"""
@title Tokens as they really are
@dev What arrived is counted, not what was sent. A payout that the token refuses becomes the
     receiver's credit, so that nobody's refusal stops anybody else. Tokens that take more from the
     sender than was sent, or change balances by themselves, must not be listed.
"""
from ethereum.ercs import IERC20


event Credited:
    asset: indexed(uint8)
    receiver: indexed(address)
    amount: uint256


# Base units of tokens that could not be paid out.
credits: public(HashMap[uint8, HashMap[address, uint256]])
total_credits: public(HashMap[uint8, uint256])


@internal
def pull(_token: address, _payer: address, _amount: uint256) -> uint256:
    held: uint256 = staticcall IERC20(_token).balanceOf(self)
    assert extcall IERC20(_token).transferFrom(
        _payer, self, _amount, default_return_value=True
    ), "pull"
    # A token that gives more than was asked for gives it away.
    arrived: uint256 = min(staticcall IERC20(_token).balanceOf(self) - held, _amount)
    assert arrived > 0, "dust"
    return arrived


@internal
def pay(_asset: uint8, _token: address, _to: address, _amount: uint256):
    if self._transfer(_token, _to, _amount):
        return
    self.credits[_asset][_to] += _amount
    self.total_credits[_asset] += _amount
    log Credited(asset=_asset, receiver=_to, amount=_amount)


@internal
def pay_credit(_asset: uint8, _token: address, _to: address) -> uint256:
    amount: uint256 = self.credits[_asset][msg.sender]
    assert amount > 0, "credit"
    self.credits[_asset][msg.sender] = 0
    self.total_credits[_asset] -= amount
    assert self._transfer(_token, _to, amount), "transfer"
    return amount


@internal
def _transfer(_token: address, _to: address, _amount: uint256) -> bool:
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        _token,
        abi_encode(_to, _amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    return done and (len(answer) == 0 or convert(answer, uint256) != 0)
