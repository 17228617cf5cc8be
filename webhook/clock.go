package webhook

import "time"

// clock is a clock for timestamps: a caller's own, or time.Now.
type clock struct{ own func() time.Time }

func (c clock) now() time.Time {
	if c.own != nil {
		return c.own()
	}
	return time.Now()
}

// within reports whether a timestamp is at most the tolerance before or after now.
func (c clock) within(seconds int64, tolerance time.Duration) bool {
	return within(time.Unix(seconds, 0), c.now(), tolerance)
}
