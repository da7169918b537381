package watch_test

// scheduleCases are seeds of TestRandomFaults that found something. They are run each time. What a seed does changes with
// the alphabet, so that each finding has a test of its own as well.
var scheduleCases = []struct {
	seed  uint64
	found string
}{
	{12, "after a restore, an object changed under a version that had been given out before was shown as before it, and so was its body"},
	{211, "the Retry-After of a lagging replica (504) kept all other kinds from their requests"},
	{772, "the same, of a kind that travels as JSON"},
	{4, "a page that was answered Retry-After was followed by the first page again at once"},
	{888, "a watch that was accepted and then denied within its stream was asked for, and listed anew, every two seconds"},
	{952, "the server: a stalled stream ended in form at its deadline, which confirms"},
	{188, "a probe went out before the time that an answer to another request had named"},
}
