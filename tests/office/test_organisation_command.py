"""flask organisation: the seller and the rules from the command line."""

import json


def test_the_seller_is_set_and_shown(app):
    runner = app.test_cli_runner()
    changed = runner.invoke(
        args=["organisation", "edit", "--seller-name", "Hafenstrom GmbH", "--least-energy-wh", "50"]
    )
    assert changed.exit_code == 0, changed.output
    shown = json.loads(runner.invoke(args=["organisation", "show", "--json"]).stdout)
    assert (shown["seller_name"], shown["least_energy_wh"]) == ("Hafenstrom GmbH", 50)
    refused = runner.invoke(args=["organisation", "edit", "--least-energy-wh", "-5"])
    assert refused.exit_code == 1
    assert refused.stderr == "The least energy must be a whole number from 0 to 100000.\n"
