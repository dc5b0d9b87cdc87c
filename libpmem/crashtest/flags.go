package crashtest

import "flag"

// The flags of a test binary that imports this package.
var (
	flagSeed   = flag.Uint64("crashtest.seed", 0, "the `seed` of all crash tests, instead of Config.Seed")
	flagImages = flag.Int("crashtest.images", 0, "how many images a crash test checks at most, instead of Config.Images")
	flagKeep   = flag.String("crashtest.keep", "", "keep images that fail in this `folder`")
	flagReplay = flag.String("crashtest.replay", "", "check nothing but this `image` that -crashtest.keep has kept")
)
