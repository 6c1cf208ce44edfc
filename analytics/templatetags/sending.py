"""Where the figures of Assignments & Sending lead to."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import RequestContext
from django.urls import reverse

from analytics.sending.selection import Selection
from analytics.sending.series import Bucket

register = template.Library()


@register.simple_tag(takes_context=True)
def figure_params(
    context: RequestContext, figure: str, campaign: int | None = None, bucket: Bucket | None = None
) -> dict[str, str]:
    """What names the rows of a figure: the page's selection, narrowed to a campaign or a bucket of time."""
    params: dict[str, str] = {**context["params"], "figure": figure}
    if campaign is not None:
        params["campaign"] = str(campaign)
    if bucket is not None:
        params |= Selection(since=bucket.since, until=bucket.until).params()
    return params


@register.simple_tag(takes_context=True)
def figure_url(context: RequestContext, figure: str, **narrowed: Any) -> str:
    """The list of the rows behind a figure."""
    return f"{reverse('analytics:sending_rows')}?{urlencode(figure_params(context, figure, **narrowed))}"
