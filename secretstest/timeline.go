package secretstest

import "time"

// keptStates is how many states of a name a timeline holds. A stale read that
// reaches behind them sees the oldest one held.
const keptStates = 64

// timeline is what a name stood for, oldest state first. The states are
// immutable, so a reader of the past and a writer of the present share them.
type timeline struct {
	states  []state
	trimmed bool // there was something before the first state
}

// state is what a name stands for from a moment on; a nil secret: nothing.
type state struct {
	since  time.Time
	secret *secret
}

// latest returns the newest state, or nil when there is no such secret at now.
// It does not look at the states' dates: a test's clock may go backwards.
func (t *timeline) latest(now time.Time) *secret {
	return t.states[len(t.states)-1].secret.existing(now)
}

// at returns the state of an earlier moment, or nil when there was no such
// secret then.
func (t *timeline) at(when time.Time) *secret {
	for i := len(t.states) - 1; i >= 0; i-- {
		if !t.states[i].since.After(when) {
			return t.states[i].secret.existing(when)
		}
	}
	if t.trimmed {
		return t.states[0].secret.existing(when)
	}
	return nil
}

// record makes s, which may be nil, the newest state.
func (t *timeline) record(now time.Time, s *secret) {
	if len(t.states) == keptStates {
		t.states = append(t.states[:0], t.states[1:]...)
		t.trimmed = true
	}
	t.states = append(t.states, state{since: now, secret: s})
}

// amend replaces the newest state without making history of it.
func (t *timeline) amend(s *secret) {
	t.states[len(t.states)-1].secret = s
}
