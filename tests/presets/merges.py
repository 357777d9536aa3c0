"""Two tables by dials of their own: the highest bid wins, and shopping carts merge by rules for JSON."""

import json

from clients import Doors
from scene import Story


class HighestBid(Story):
    name = "max"

    def declare(self) -> None:
        self.scene.declare("bids", "--merge", "max")

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        others[0].ask("SET", "bids:lamp", 120)
        others[1].ask("SET", "bids:lamp", 95)
        # Later, and as text it would be higher.
        alone.ask("SET", "bids:lamp", 99)

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        self.hold(*self.scene.same_everywhere("GET", "bids:lamp", wanted="120"))
        for doors in self.scene.regions:
            losses = {loss["loser"]["value"]: loss for loss in self.scene.conflicts(doors, "bids")}
            loss = losses.get("99", {})
            held = loss.get("rule") == "max" and loss["winner"]["value"] == "120" and loss["clock_gap_ms"] < 0
            self.hold(held, f"conflicts in {doors.name}: lost by max: {sorted(losses)}; the later bid of 99 too")
        alone.ask("SET", "bids:lamp", 7)
        self.hold(*self.scene.same_everywhere("GET", "bids:lamp", wanted="120"))


class ShoppingCart(Story):
    name = "json"

    def declare(self) -> None:
        self.scene.declare("carts", "--merge", "json(items: union by sku (qty: max))")

    def before(self) -> None:
        first = self.scene.regions[0]
        self.put(first, tea=1, note="begun")
        self.hold(*self.scene.same_everywhere("GET", "carts:ann", wanted=first.ask("GET", "carts:ann")))
        refused = first.attempt("SET", "carts:bad", "no json")
        self.hold(refused.error, f"a value that is no document is refused: {refused}")

    def put(self, doors: Doors, note: str, **items: int) -> None:
        cart = {"note": note, "items": [{"sku": sku, "qty": qty} for sku, qty in items.items()]}
        doors.ask("SET", "carts:ann", json.dumps(cart))

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        self.put(others[0], tea=3, milk=1, note="there")
        self.put(alone, tea=2, bread=1, note="here")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        answers = {doors.name: doors.attempt("GET", "carts:ann") for doors in self.scene.regions}
        self.hold(len({str(answer.reply) for answer in answers.values()}) == 1, "every region merges to the same bytes")
        merged = json.loads(answers[alone.name].reply or "{}")
        items = {item["sku"]: item["qty"] for item in merged.get("items", [])}
        held = items == {"tea": 3, "milk": 1, "bread": 1} and merged["note"] == "here"
        self.hold(held, f"both carts are in it, with the higher quantity and the later note: {answers[alone.name]}")
        losses = self.scene.conflicts(alone, "carts")
        wrong = [loss["id"] for loss in losses if loss["loser"]["dot"] == loss["winner"]["dot"]]
        self.hold(not wrong, f"no write lost to itself: {len(losses)} conflicts {wrong}")
