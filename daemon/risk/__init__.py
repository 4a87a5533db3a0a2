"""Price files, fits and pictures of the risk commands: files, processes and matplotlib."""
