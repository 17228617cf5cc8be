package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Of a slice in which a thread had to wait for a core for more than a tenth of
// the time, the machine's other work is a part, or the contender's own collector.
const disturbance = 10

// patience is how often such a slice is measured again. All in all a run takes
// at most twice as long for it.
const patience = 3

// quiet counts slices, and those that stayed disturbed.
type quiet struct {
	slices, disturbed int
	repeats           int // that may still be made
}

// slice measures one until nothing disturbs it, or patience is at its end.
func (q *quiet) slice(lasts time.Duration, measure func() float64) (measured float64) {
	q.slices++
	for tries := 0; ; tries++ {
		before := pressure()
		measured = measure()
		switch {
		case pressure()-before <= lasts/disturbance:
			return measured
		case tries == patience || q.repeats == 0:
			q.disturbed++
			return measured
		}
		q.repeats--
	}
}

// pressure is for how long at least one thread of the machine has waited for a
// core so far: the first line of Linux's /proc/pressure/cpu, and 0 elsewhere.
//
//	some avg10=0.00 avg60=0.00 avg300=0.00 total=12345
func pressure() time.Duration {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0
	}
	_, total, _ := strings.Cut(string(text), "total=")
	var microseconds int64
	if _, err := fmt.Sscan(total, &microseconds); err != nil {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond
}
