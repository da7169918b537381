package watch

import "time"

// What the loop waits for, and how long. The first three are client-go's Reflector's.
const (
	// backoffFirst is the wait after the first failure.
	backoffFirst = 800 * time.Millisecond
	// livedPart bounds the wait after a stream that broke off: a part of the time that it was open.
	livedPart = 8
	// healthyAfter is how long a watcher must do well for its back-off to start anew.
	healthyAfter = 2 * time.Minute
	// defaultBackoffMax bounds the wait.
	defaultBackoffMax = 30 * time.Second
	// forbiddenRetry is how often a scope that RBAC denies is asked for again.
	forbiddenRetry = 5 * time.Minute
	// refusedFirst is the wait after the first refusal of what was allowed before. A server that has just started refuses
	// everybody until it has read its rules.
	refusedFirst = 2 * time.Second
	// endedRetry is how often a recording that is over is asked for more; it has none.
	endedRetry = 24 * time.Hour
	// retryAfterMax bounds what a server may ask for: a longer Retry-After is more likely a mistake.
	retryAfterMax = 10 * time.Minute
	// holdSpread is over how long requests are spread once a Retry-After has passed.
	holdSpread = 2 * time.Second
)

// BackoffWait is the wait before attempt n+1, n counted from 1: 0.8 s doubling to most, then between half and
// all of it by rnd in [0,1). n of 0 or less is no wait.
func BackoffWait(n int, most time.Duration, rnd float64) time.Duration {
	if n <= 0 {
		return 0
	}
	d := backoffFirst
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	d = min(d, most)
	return d/2 + time.Duration(rnd*float64(d/2))
}

// refusedWait is the wait after a 403: forbiddenRetry, with jitter. What was allowed before is asked for again sooner at first:
// after 2 s, 10 s and 50 s, by the number of refusals in a row before this one.
func refusedWait(refused int, rnd float64) time.Duration {
	switch d := refusedFirst; {
	case refused < 0:
	case refused == 0:
		return jitter(d, rnd)
	case refused == 1:
		return jitter(5*d, rnd)
	case refused == 2:
		return jitter(25*d, rnd)
	}
	return jitter(forbiddenRetry, rnd)
}

// jitter is d ±10%.
func jitter(d time.Duration, rnd float64) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rnd))
}
