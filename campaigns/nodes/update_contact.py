from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from audiences import own_tags
from campaigns.graph import NEXT, GraphNode
from campaigns.nodes.base import Decisions, NodeKind, Settings
from common import sql

TagName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class UpdateContactSettings(Settings):
    """What to note of the contact: at least one of these."""

    add_tags: list[TagName] = Field(default_factory=list, max_length=10)
    remove_tags: list[TagName] = Field(default_factory=list, max_length=10)
    language: Literal["en", "es"] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "UpdateContactSettings":
        if not (self.add_tags or self.remove_tags or self.language):
            raise ValueError("choose a tag to add or remove, or a language")
        if both := {tag.lower() for tag in self.add_tags} & {tag.lower() for tag in self.remove_tags}:
            raise ValueError(f"“{min(both)}” is both added and removed")
        return self


class UpdateContact(NodeKind):
    """Notes something of the contact: our own tags, and the language they are written in.

    Tags of ServiceTitan are ServiceTitan's: they come with the sync, and nothing here changes them.
    """

    kind = "update_contact"
    instant = True
    settings_model = UpdateContactSettings

    def decide(
        self, *, campaign_id: int, node: GraphNode, enrollment_ids: list[int], now: datetime
    ) -> Decisions:
        """A constant number of statements for the batch; doing it again changes nothing."""
        settings = self.settings(node)
        found = sql.rows(
            "SELECT c.account_id, e.contact_id FROM campaigns_enrollment e"
            " JOIN campaigns_campaign c ON c.id = e.campaign_id WHERE e.id = ANY(%s)",
            [enrollment_ids],
        )
        contacts = sorted({contact for _, contact in found})
        account_id = found[0][0]
        own_tags.add(account_id, contacts, settings.add_tags)
        own_tags.remove(account_id, contacts, settings.remove_tags)
        if settings.language:
            sql.run(
                "UPDATE audiences_contact SET language = %s WHERE language <> %s AND id IN ("
                " SELECT id FROM audiences_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE)",
                [settings.language, settings.language, contacts],
            )
        return Decisions({NEXT: list(enrollment_ids)})
