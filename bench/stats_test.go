package main

import (
	"math"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		measured []float64
		want     float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.measured); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.measured, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v", got)
	}
}

func TestQuantile(t *testing.T) {
	var measured []time.Duration
	for i := 1000; i > 0; i-- {
		measured = append(measured, time.Duration(i))
	}
	l := newLatencies(measured)
	for q, want := range map[float64]time.Duration{0: 1, .5: 500, .99: 990, .999: 999, 1: 1000} {
		if got := l.quantile(q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	for limit, want := range map[time.Duration]int{0: 1000, 999: 1, 1000: 0} {
		if got := l.above(limit); got != want {
			t.Errorf("%d are above %d, want %d", got, limit, want)
		}
	}
	if measured[0] != 1000 {
		t.Error("the measured latencies were sorted in place")
	}
}
