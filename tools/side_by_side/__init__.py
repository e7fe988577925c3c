"""The parts of the benchmarks: the race, its contenders, and the rows of the tables."""
