package main

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// contender is one way to do some work, run by a number of goroutines at once.
type contender struct {
	name       string
	goroutines int

	// loop does the work n times, for the tenants at from and after it in the
	// order that all contenders share. It holds the loop itself, so that what is
	// measured is not a call through a function value.
	loop func(from, n int)
}

// batch is how often the work is done between two looks at the clock.
const batch = 128

// interleave times the contenders in rounds of one slice each, in another random
// order every round: what else the machine does meets all of them alike. It
// returns nanoseconds per unit of work, by contender, of each slice.
func (b *run) interleave(contenders []contender) [][]float64 {
	var rubbish garbage
	measured := make([][]float64, len(contenders))
	b.quiet.repeats = b.rounds * len(contenders)
	for range b.rounds {
		from := rand.IntN(orderLength)
		for _, i := range rand.Perm(len(contenders)) {
			ns := b.quiet.slice(b.slice, func() float64 {
				rubbish.collect()
				return timeSlice(&contenders[i], b.slice, from)
			})
			measured[i] = append(measured[i], ns)
		}
	}
	return measured
}

// garbage is what contenders leave behind. A collection that one of them causes
// is not to run in another's slice.
type garbage struct{ swept uint64 } // bytes ever allocated, at the last collection

// collect spares the contenders that leave nothing: with many tenants a
// collection takes longer than a slice.
func (g *garbage) collect() {
	const little = 1 << 20
	var stats runtime.MemStats
	if runtime.ReadMemStats(&stats); stats.TotalAlloc-g.swept < little {
		return
	}
	runtime.GC()
	g.swept = stats.TotalAlloc
}

// timeSlice returns the nanoseconds that pass per unit of work. Each goroutine
// is timed for itself: one that is done early does not count as idle.
func timeSlice(c *contender, slice time.Duration, from int) float64 {
	var (
		wait  sync.WaitGroup
		start = make(chan struct{})
		rates = make([]float64, c.goroutines) // units per nanosecond
	)
	for g := range c.goroutines {
		wait.Go(func() {
			<-start
			rates[g] = rate(c, slice, from+g*orderLength/c.goroutines)
		})
	}
	close(start)
	wait.Wait()
	var sum float64
	for _, rate := range rates {
		sum += rate
	}
	return 1 / sum
}

func rate(c *contender, slice time.Duration, from int) float64 {
	var (
		began   = time.Now()
		elapsed time.Duration
		done    int
	)
	for elapsed < slice {
		c.loop(from+done, batch)
		done += batch
		elapsed = time.Since(began)
	}
	return float64(done) / float64(elapsed)
}

// medians are those of interleave, by contender.
func medians(measured [][]float64) []float64 {
	m := make([]float64, len(measured))
	for i, slices := range measured {
		m[i] = median(slices)
	}
	return m
}
