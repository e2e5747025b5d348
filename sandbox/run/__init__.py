"""What every run rests on: its folder, its processes and who ends them, its ports, and the rights it gives up."""
