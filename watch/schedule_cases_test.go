package watch_test

// scheduleCases are seeds of TestRandomFaults that found something. They are run each time.
var scheduleCases = []struct {
	seed  uint64
	found string
}{{888, "a watch that is accepted and then refused within its stream was relisted every two seconds"}}
