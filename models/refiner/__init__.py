"""The plate refiner: a second, closer look at each detection, for its corners and for whether it is a plate."""
