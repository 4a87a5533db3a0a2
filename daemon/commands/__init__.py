"""The commands of `plimsoll`, one module each; heavy imports wait until a command is run."""
