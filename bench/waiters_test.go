package main

import (
	"fmt"
	"testing"
	"time"
)

func simulateWaiters(t *testing.T, _ depth) []line {
	took := inBubble(t, func(t *testing.T) time.Duration {
		took, _, err := waiterBehind(t.Context(), newOurs)
		if err != nil {
			t.Fatal(err)
		}
		return took
	})
	harmed := inBubble(t, func(t *testing.T) int {
		harmed, err := harmedBy(t.Context(), newOurs)
		if err != nil {
			t.Fatal(err)
		}
		return harmed
	})
	return []line{
		{
			Case:  "a waiter with a deadline of " + brief(waiterDeadline),
			Ours:  "after " + brief(took),
			Goals: []goal{within(took, waiterDeadline, "waited")},
		},
		{
			Case:  fmt.Sprintf("the first of %s callers is cancelled", thousands(companions+1)),
			Ours:  fmt.Sprintf("%d of %d", harmed, companions),
			Goals: []goal{none(harmed, "harmed")},
		},
	}
}
