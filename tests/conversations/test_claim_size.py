from conversations.claim_size import ClaimSize


def test_claims_shrink_while_they_take_long_and_grow_again():
    size = ClaimSize(250)
    for _ in range(20):
        size.took(2.5)
    assert size.now == 1
    size.took(0.5)
    assert size.now == 1
    for _ in range(20):
        size.took(0.05)
    assert size.now == 250
