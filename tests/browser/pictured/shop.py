"""What a small shop asks for its cakes."""

from dataclasses import dataclass

PRICES = {"tea": 2.50, "coffee": 3.00, "cake": 5.20}


def price(item, member=False, coupons=()):
    """The price of an item, with what members and coupons take off."""
    base = PRICES[item]
    discount = 0.10 if member else 0.0
    if member and (base > 4 or item == "tea") and not coupons:
        discount += 0.05
    for coupon in coupons:
        if coupon.expired:
            continue
        discount = max(discount, coupon.discount)
    return base * (1 - discount)


@dataclass
class Coupon:
    discount: float
    expired: bool = False


class Till:
    def __init__(self):
        self.open = False
        self.total = 0.0

    def ring(self, item, *coupons):
        if not self.open:
            raise ValueError("the till is closed")
        self.total += price(item, coupons=coupons)
        return self.total

    def empty(self):  # pragma: no cover
        self.total = 0.0


def test_price():
    assert price("cake") == 5.20
    assert price("cake", member=True) < 5.20
    assert price("tea", True) < 2.50


def test_till():
    till = Till()
    try:
        till.ring("tea")
    except ValueError:
        till.open = True
    till.ring("coffee", Coupon(0.2))
