package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// line is one line of a table: a case, what each contender did, and which
// targets that meets. It travels as JSON from the tests to the command.
type line struct {
	Case  string
	Ours  string
	Floor string
	Peers map[string]string // by the peer's name
	Goals []goal
}

// goal is a target, the figure that was measured, and whether it meets it.
type goal struct {
	Figure, Target string
	Met            bool
}

// atMost and atLeast say the figure in a format for one float64, such as
// "%.2f × B". NaN, which is no figure, meets nothing.
func atMost(figure, limit float64, format string) goal {
	return goal{fmt.Sprintf(format, figure), "≤ " + fmt.Sprintf(format, limit), figure <= limit}
}

func atLeast(figure, limit float64, format string) goal {
	return goal{fmt.Sprintf(format, figure), "≥ " + fmt.Sprintf(format, limit), figure >= limit}
}

// within is atMost for durations.
func within(figure, limit time.Duration, what string) goal {
	return goal{brief(figure) + " " + what, "≤ " + brief(limit) + " " + what, figure <= limit}
}

// none is for what must not happen at all.
func none[N int | int64 | uint64](happened N, what string) goal {
	return goal{fmt.Sprintf("%d %s", happened, what), "0 " + what, happened == 0}
}

// met is what the table says of a line's targets together.
func met(goals []goal) string {
	var missed []string
	for _, g := range goals {
		if !g.Met {
			missed = append(missed, g.Figure)
		}
	}
	switch {
	case len(goals) == 0:
		return ""
	case len(missed) == 0:
		return "yes"
	}
	return "**no**: " + strings.Join(missed, ", ")
}

// nanoseconds says a time per unit of work.
func nanoseconds(ns float64) string {
	switch {
	case math.IsNaN(ns):
		return "–"
	case ns < 100:
		return fmt.Sprintf("%.1f ns", ns)
	}
	return thousands(int64(math.Round(ns))) + " ns"
}

// brief says a duration in three digits.
func brief(d time.Duration) string {
	rounded := d.Round(time.Second)
	for _, unit := range []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, time.Second} {
		if d < 1000*unit {
			rounded = d.Round(unit / 100)
			break
		}
	}
	text := rounded.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// thousands groups the digits of a number.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(int64(n)) + " " + what
}
