package rotation_test

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
	"testing/synctest"
)

// explorer runs every schedule of a scenario, the depth first. Nothing of the real code
// can be copied in the middle of a run, so each schedule is run from its start, in a
// bubble of its own: the moves that led to the last decision with an alternative left,
// then that alternative, then the first move that there is until nobody can move any
// more. A state that was met before is not gone on from: what may follow on it was, or
// will be, explored from there.
type explorer struct {
	scenario
	path      []branch
	step      int // of the schedule under way: how many moves were made
	seen      map[uint64]bool
	schedules int
	longest   int
	violation *violation
}

// branch is a decision: which of so many moves was taken.
type branch struct{ taken, of int }

// violation is a broken invariant, the schedule that broke it, and what it has made of
// the secret.
type violation struct {
	what     error
	schedule []string
	secret   string
}

func (v *violation) String() string {
	return fmt.Sprintf("%v, after\n%s", v.what, strings.Join(v.schedule, "; "))
}

// most is how many moves a schedule may have. None comes near it: every schedule is
// run to its end.
const most = 80

// explore runs the schedules with at most so many faults, up to the first one that
// breaks an invariant.
func explore(t *testing.T, s scenario) *explorer {
	t.Helper()
	e := &explorer{scenario: s, seen: map[uint64]bool{}}
	for more := true; more && e.violation == nil; more = e.backtrack() {
		synctest.Test(t, e.run)
		e.schedules++
		e.longest = max(e.longest, e.step)
	}
	return e
}

// fewest explores with no fault, then with one, and so on up to the scenario's number:
// the first violation found is one with the fewest.
func fewest(t *testing.T, s scenario) (e *explorer) {
	t.Helper()
	for faults := range s.faults + 1 {
		of := s
		of.faults = faults
		if e = explore(t, of); e.violation != nil {
			break
		}
	}
	return e
}

// run is one schedule.
func (e *explorer) run(t *testing.T) {
	w := newWorld(t, &e.scenario)
	defer w.end()
	e.step = 0
	err := w.check()
	for moves := w.moves(); err == nil && len(moves) > 0; moves = w.moves() {
		next, isNew := e.choose(t, w, moves)
		if !isNew {
			return
		}
		err = e.wants(w.take(next))
	}
	if err == nil && e.meet(w) {
		err = e.wants(w.settle())
	}
	if err != nil {
		e.violation = &violation{err, w.schedule, w.history.last().text}
	}
}

// wants drops a violation of another kind than is looked for.
func (e *explorer) wants(err error) error {
	if e.wanted != nil && !errors.Is(err, e.wanted) {
		return nil
	}
	return err
}

// choose decides between the moves: as before up to the end of the path, and the first
// one after it. It is false for a state that was met before.
func (e *explorer) choose(t *testing.T, w *world, moves []move) (move, bool) {
	if e.step == len(e.path) {
		if !e.meet(w) {
			return move{}, false
		}
		e.path = append(e.path, branch{of: len(moves)})
	}
	b := e.path[e.step]
	if b.of != len(moves) {
		t.Fatalf("a schedule had %d moves to go on with, and now has %d: the run is not determined by its schedule", b.of, len(moves))
	}
	if e.step++; e.step > most {
		t.Fatalf("a schedule does not end: %s", strings.Join(w.schedule, "; "))
	}
	return moves[b.taken], true
}

// meet is false for a state that was met before.
func (e *explorer) meet(w *world) bool {
	state := w.state()
	isNew := !e.seen[state]
	e.seen[state] = true
	return isNew
}

// backtrack turns to the last decision that has an alternative left, if there is one.
func (e *explorer) backtrack() bool {
	for len(e.path) > 0 {
		last := &e.path[len(e.path)-1]
		if last.taken++; last.taken < last.of {
			return true
		}
		e.path = e.path[:len(e.path)-1]
	}
	return false
}

var seed = maphash.MakeSeed()

// hash stands for a text. That two of some 100,000 texts have one is less likely than
// one in a billion.
func hash(text string) uint64 { return maphash.String(seed, text) }
