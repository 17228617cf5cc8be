package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestGoals(t *testing.T) {
	for _, c := range []struct {
		goal
		want bool
	}{
		{atMost(1.10, 1.10, "%.2f × B"), true},
		{atMost(1.11, 1.10, "%.2f × B"), false},
		{atMost(math.NaN(), 1.10, "%.2f × B"), false},
		{atLeast(2.9, 3, "%.1f"), false},
		{atLeast(3, 3, "%.1f"), true},
		{within(time.Second+1, time.Second, "waited"), false},
		{none(0, "harmed"), true},
		{none(1, "harmed"), false},
	} {
		if c.Met != c.want {
			t.Errorf("%+v, want met to be %t", c.goal, c.want)
		}
	}
}

// What was missed is said with its figure; what nobody has a figure for is left
// out.
func TestReport(t *testing.T) {
	r := report{date: time.Now(), sections: []section{{
		name: "row", title: "A row",
		lines: []line{
			{Case: "good", Ours: "1 ns", Goals: []goal{atMost(1, 2, "%.0f × B")}},
			{Case: "bad", Ours: "3 ns", Peers: map[string]string{otterName: "4 ns"}, Goals: []goal{atMost(3, 2, "%.0f × B"), none(0, "allocations")}},
			{Case: "without a target", Ours: "5 ns"},
		},
	}}}
	var text strings.Builder
	r.markdown(&text)
	for _, want := range []string{
		"Targets met: 1 of 2 lines.",
		"| case | ours | otter | measured | target | met |",
		"| good | 1 ns |  | 1 × B | ≤ 2 × B | yes |",
		"| bad | 3 ns | 4 ns | 3 × B; 0 allocations | ≤ 2 × B; 0 allocations | **no**: 3 × B |",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &text)
		}
	}
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		thousands(999):                             "999",
		thousands(1234567):                         "1,234,567",
		thousands(-1000):                           "-1,000",
		nanoseconds(51.26):                         "51.3 ns",
		nanoseconds(2636.6):                        "2,637 ns",
		brief(1234567 * time.Nanosecond):           "1.23ms",
		brief(75 * time.Minute):                    "1h15m",
		brief(2 * time.Hour):                       "2h",
		brief(5*time.Minute + 40*time.Millisecond): "5m0.04s",
		brief(310 * time.Second):                   "5m10s",
		brief(10 * time.Minute):                    "10m",
		brief(851):                                 "851ns",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
