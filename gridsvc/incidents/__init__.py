"""What is wrong at a place: catalogue, intake, workflow, clocks, board."""
