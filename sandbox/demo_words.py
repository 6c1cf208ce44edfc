"""Invented people, streets and companies of the demo tenant. Every phone is a reserved 555-01xx number."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Adele Alma Alton Amos Anita Arlo Arturo Augie Beatriz Bernice Boyd Brant Bridget Calvin Camille "
    "Carmen Cedric Celia Clark Clarice Coretta Curtis Dale Damon Daphne Darla Delia Denise Desmond "
    "Dolores Doyle Duncan Edgar Edith Efrain Elaine Elena Elliot Elsa Emilio Enid Ernie Esteban Etta Ezra "
    "Fay Felipe Fern Floyd Gail Gerard Gilda Gladys Glenn Gordon Graciela Greta Guadalupe Hank Harriet "
    "Hector Helga Hilda Homer Ida Ignacio Ilene Imani Irving Isidro Ivy Jasper Jerome Joaquin Jolene "
    "Josefina Joyce Judson Keisha Kermit Kirby Lamar Latoya Leland Leona Lidia Lorena Lowell Lucinda "
    "Luther Mabel Marcella Marisol Marlon Marvin Maxine Merle Milton Mina Mitchell Myrna Nadia Nelson "
    "Nestor Noelia Norris Odell Olga Opal Orlando Otis Paloma Pearl Percy Phyllis Quincy Rafael Ramona "
    "Randall Reba Reggie Renata Rhoda Rocio Roland Rosalind Roscoe Ruben Ruthie Salvador Selma Sheldon "
    "Sidney Socorro Stella Sylvia Tamara Terrence Thelma Tomas Trent Ursula Valeria Vernon Viola Wanda "
    "Wendell Wilma Winston Xavier Yolanda Yvette Zelda"
)

LAST_NAMES = _words(
    "Abernath Alvarado Amberg Ansel Arbogast Arroyo Ashbury Baldric Barrera Bexley Birchard Blomgren "
    "Bramwell Brightwell Brzycki Calloway Cardenal Castleton Chmielak Clearwater Coldwell Corbet Cordero "
    "Crandell Czernik Dahlberg Delacroix Delgadillo Dombrow Dunmore Eastlund Echeverra Ellingham Escobedo "
    "Fairbairn Fennimore Figueras Fitzhollis Fontanez Galbreath Garrow Gladwell Goldwyn Grabowicz Granger "
    "Greenlaw Gustav Halloran Harkness Hathorne Hawthorn Heimdahl Hollins Huxtable Ibarra Ironside Jankow "
    "Jessop Juhlin Kaminsk Kasprow Kettleman Kilbride Kosciuk Kowalk Lachance Larkspur Lindqvist "
    "Lockridge Longacre Lovelund Maddigan Malinow Marchetta Marroquin Mayhew McAllard McCorrin Merriweth "
    "Mikolaj Montalvan Morningstar Nakashiro Navarrete Nettleton Northrup Nowicki Oakhurst Obermark "
    "Odonnel Okafore Olmsted Ordway Orozcovich Osgard Palmerton Pawlow Pellegrin Pemberly Pickering "
    "Plainview Quigley Quintanar Radcliff Ravenel Redfern Rhyner Ridgeway Rosalto Rutkow Salcedo Sandoval "
    "Schoenfeld Sedgewick Shaughness Silverio Solberg Stankow Sternfeld Stillwater Summerlin Szymans "
    "Tannehill Thackery Thornbury Tolliver Trevino Underhill Valdivar Vandermeer Villarma Wadsworth "
    "Wainwright Waverly Weatherby Westergard Whitlock Wickham Winslowe Wojtan Yarborough Yellen Zabrisk "
    "Zamorano Zielinka"
)

STREETS = _words(
    "Alder Amber Aspen Bannock Bayberry Bellflower Birchwood Bluestem Brookdale Burr-Oak Canal Cardinal "
    "Cedarcrest Cherrywood Clover Coneflower Cottonwood Crabapple Creekside Dogwood Elmhollow Fieldstone "
    "Foxglove Goldenrod Grove Harvest Hawthorn Hazel Heron Hickory Indigo Ironwood Juniper Kestrel Lakota "
    "Larch Linden Locust Magnolia Meadowlark Milkweed Mulberry Orchard Pheasant Pinecone Prairie-View "
    "Quarry Redbud Ridgeline Sassafras Sedge Shagbark Sparrow Spruce Sumac Switchgrass Sycamore Tamarack "
    "Thistle Timothy Trillium Walnut Warbler Wheatland Willow Windmill"
)
STREET_KINDS = ("St", "Ave", "Rd", "Ct", "Ln", "Dr", "Pl", "Blvd")

COMPANIES = (
    "Lantern & Rye Bakery",
    "Bluestem Dental Group",
    "Kestrel Auto Body",
    "Three Rivers Laundromat",
    "Harvest Moon Grill",
    "Switchgrass Yoga",
    "Cardinal Print Shop",
    "Fieldstone Property Management",
    "Heron Lake Veterinary",
    "Wheatland Storage",
    "Prairie Light Montessori",
    "Redbud Senior Living",
    "Old Quarry Brewing",
    "Shagbark Hardware",
    "Sparrow Street Cafe",
    "Windmill Fitness",
    "Goldenrod Credit Union",
    "Ironwood Machine Works",
    "Larch & Linden Law",
    "Meadowlark Chapel",
)

# (city, state, zip, share): mostly Chicago and suburbs, some Indiana on both clocks.
CITIES: tuple[tuple[str, str, str, int], ...] = (
    ("Chicago", "IL", "60614", 16),
    ("Chicago", "IL", "60629", 10),
    ("Chicago", "IL", "60641", 9),
    ("Oak Park", "IL", "60302", 6),
    ("Naperville", "IL", "60540", 8),
    ("Aurora", "IL", "60505", 6),
    ("Evanston", "IL", "60201", 5),
    ("Schaumburg", "IL", "60193", 5),
    ("Elgin", "IL", "60120", 5),
    ("Skokie", "IL", "60076", 4),
    ("Cicero", "IL", "60804", 4),
    ("Berwyn", "IL", "60402", 4),
    ("Joliet", "IL", "60435", 4),
    ("Wheaton", "IL", "60187", 4),
    ("Hammond", "IN", "46320", 3),  # Central, though Indiana
    ("Munster", "IN", "46321", 2),  # Central
    ("Valparaiso", "IN", "46383", 2),  # Central
    ("South Bend", "IN", "46601", 1),  # Eastern
    ("Knox", "IN", "46534", 1),  # Central again, beyond the Eastern line
    ("Kenosha", "WI", "53140", 1),
)

# Area codes in the order they fill up; 100 reserved numbers each (555-0100 to 555-0199).
AREA_CODES = _words(
    "312 773 872 708 847 224 630 331 815 779 464 730 219 574 317 260 765 463 262 414 608 920 309 217 618 "
    "563 319 515 641 314 636 816 269 616 734 248 614 216 513 651 612 952 763 913 402 303 720 480 602 623 "
    "702 239 941 813 407 512 214 713 404 615 919 704 206 503 415 213 718 917"
)

# name, business unit, season months (empty: all year), typical total, recurring
JOB_TYPES: tuple[tuple[str, int, tuple[int, ...], float], ...] = (
    ("AC Tune-up", 0, (4, 5, 6), 129),
    ("Furnace Tune-up", 0, (9, 10, 11), 129),
    ("AC Repair", 0, (6, 7, 8), 420),
    ("Furnace Repair", 0, (11, 12, 1, 2), 460),
    ("AC Replacement", 0, (5, 6, 7), 7800),
    ("Furnace Replacement", 0, (10, 11, 1), 5900),
    ("Duct Cleaning", 0, (), 390),
    ("Water Heater Install", 2, (), 1850),
    ("Drain Cleaning", 2, (), 240),
    ("Leak Repair", 2, (), 380),
    ("Panel Upgrade", 2, (), 3200),
    ("Outlet and Switch Repair", 2, (), 190),
    ("EV Charger Install", 2, (), 1450),
    ("Estimate", 2, (), 0),
)
BUSINESS_UNITS = (("HVAC West", "HVAC"), ("HVAC North", "HVAC"), ("Plumbing & Electrical", "Plumbing"))
MEMBER_TAGS = ("Maintenance member", "Comfort club")  # the second of the better agreement
TAGS = (
    ("Maintenance member", 0.24),
    ("Comfort club", 0.10),
    ("Furnace >10 yrs", 0.28),
    ("AC >10 yrs", 0.22),
    ("VIP", 0.03),
    ("Do not discount", 0.04),
    ("Spanish speaking", 0.0),  # given by persona
    ("Landlord", 0.0),  # given by household
    ("Financing declined", 0.05),
    ("Dog on premises", 0.08),
)
CAMPAIGNS = ("Website", "Google Ads", "Yard Sign", "Referral", "Radio", "Outreach")
CANCEL_REASONS = ("Customer canceled", "Duplicate", "No access", "Rescheduled elsewhere")
