package main

import (
	"sync"
	"testing"
	"time"
)

// Each contender has a slice in each round, and the order is not always the same.
func TestInterleave(t *testing.T) {
	const rounds, slice = 20, time.Millisecond
	var (
		mu    sync.Mutex
		order []int
	)
	contenders := make([]contender, 3)
	for i := range contenders {
		contenders[i] = contender{goroutines: 1, loop: func(_, n int) {
			mu.Lock()
			if len(order) == 0 || order[len(order)-1] != i {
				order = append(order, i)
			}
			mu.Unlock()
			time.Sleep(time.Duration(n) * time.Microsecond)
		}}
	}
	b := &run{depth: depth{rounds: rounds, slice: slice}}
	measured := b.interleave(contenders)
	for i, slices := range measured {
		if len(slices) != rounds {
			t.Errorf("contender %d has %d slices", i, len(slices))
		}
	}
	if b.quiet.slices != 3*rounds {
		t.Errorf("%d slices", b.quiet.slices)
	}
	inOrder := true
	for i := range order {
		inOrder = inOrder && order[i] == i%3
	}
	if inOrder {
		t.Error("the order is the same in all rounds")
	}
}

// A slice that is disturbed is measured again, but not for ever.
func TestQuiet(t *testing.T) {
	const never = -1 // of the slice: whatever is measured is disturbed
	for _, c := range []struct {
		lasts                    time.Duration
		repeats, want, disturbed int
	}{
		{time.Hour, 9, 1, 0},
		{never * time.Hour, 9, 1 + patience, 1},
		{never * time.Hour, 1, 2, 1},
		{never * time.Hour, 0, 1, 1},
	} {
		q, measured := quiet{repeats: c.repeats}, 0
		got := q.slice(c.lasts, func() float64 { measured++; return float64(measured) })
		if measured != c.want || got != float64(c.want) || q.disturbed != c.disturbed || q.repeats < 0 {
			t.Errorf("%+v: measured %d times, got %v, %+v", c, measured, got, q)
		}
	}
}

// A slice lasts as long as it is told, counts the work of all goroutines, and
// gives each of them tenants of its own.
func TestTimeSlice(t *testing.T) {
	const (
		slice = 40 * time.Millisecond
		unit  = 50 * time.Microsecond // of a sleeping contender, so at least
	)
	var (
		mu     sync.Mutex
		firsts = map[int]bool{}
	)
	c := contender{goroutines: 2, loop: func(from, n int) {
		mu.Lock()
		firsts[from] = true
		mu.Unlock()
		time.Sleep(time.Duration(n) * unit)
	}}
	began := time.Now()
	got := timeSlice(&c, slice, 0)
	if took := time.Since(began); took < slice {
		t.Errorf("took %v", took)
	}
	if want := float64(unit) / 2; got < want || got > 3*want {
		t.Errorf("%.0f ns a unit, want about %.0f from two goroutines", got, want)
	}
	if !firsts[0] || !firsts[orderLength/2] {
		t.Errorf("began at %v", firsts)
	}
}
