"""The pages that show numbers, and the lists behind them."""

from django.urls import path

from analytics.views.campaign import campaign, campaign_rows
from analytics.views.dashboard import dashboard, tile_rows
from analytics.views.search import search

app_name = "analytics"
urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("tiles/<slug:tile>/", tile_rows, name="tile_rows"),
    path("search/", search, name="search"),
    path("campaigns/<int:pk>/", campaign, name="campaign"),
    path("campaigns/<int:pk>/rows/", campaign_rows, name="campaign_rows"),
]
