package rotation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"
)

// move is one decision of the scheduler.
type move struct {
	deed  deed
	actor *actor
	ago   int           // of a stale read: how many changes it does not see
	pause time.Duration // that passes
}

type deed int

const (
	run         deed = iota // an actor's next call takes place, and it goes on to the one after it
	stale                   // the same, but a read answers what was true some changes ago
	lose                    // the call takes effect, and its answer is lost
	crashBefore             // the actor ends before its call
	crashAfter              // the actor ends when its call has taken effect
	pass                    // a long time passes: calls under way time out
)

func (d deed) isFault() bool { return d == stale || d == lose || d == crashBefore || d == crashAfter }

// text tells what is done, and says by whom.
func (m move) text() (who, what string) {
	if m.deed == pass {
		return "time", m.pause.String()
	}
	who, what = m.actor.name, m.actor.next()
	switch m.deed {
	case stale:
		what += fmt.Sprintf(" (stale by %d)", m.ago)
	case lose:
		what += " (answer lost)"
	case crashBefore:
		what = "dies before " + what
	case crashAfter:
		what += ", dies"
	}
	return who, what
}

const (
	// tick is how far changes are apart at least, for a stale read to tell them.
	tick = time.Second

	// nap is longer than anybody sleeps, which is for random times.
	nap = 5 * time.Second

	// lag is how far a read may be behind. Secrets Manager names no figure; a writer
	// that knows of a change gives up after 6.3 s of reads that do not show it.
	lag = 30 * time.Second
)

// moves are those that are possible now, none when everybody has ended. The actor that
// moved last comes first: a schedule without decisions is one without interleavings.
func (w *world) moves() (moves []move) {
	if !slices.ContainsFunc(w.actors, (*actor).ready) {
		return nil
	}
	for _, a := range w.byTurn() {
		if a.ready() {
			moves = append(moves, move{deed: run, actor: a})
		}
	}
	if w.faults < w.scenario.faults {
		for _, a := range w.byTurn() {
			moves = append(moves, w.faultsOf(a)...)
		}
	}
	for _, pause := range w.pauses {
		moves = append(moves, move{deed: pass, pause: pause})
	}
	return moves
}

func (w *world) byTurn() []*actor {
	if w.last == nil {
		return w.actors
	}
	return append([]*actor{w.last}, slices.DeleteFunc(slices.Clone(w.actors), func(a *actor) bool { return a == w.last })...)
}

// faultsOf are what may go wrong with an actor's next call. To end after a read is to
// end before the next call, and so is a read whose answer is lost, for no code goes on
// after one. To end before the first call is not to take part.
func (w *world) faultsOf(a *actor) (moves []move) {
	if !a.ready() || a.hostile {
		return nil
	}
	isWrite := writes[a.next()]
	if !isWrite {
		for ago := 1; w.history.isRecent(ago); ago++ {
			moves = append(moves, move{deed: stale, actor: a, ago: ago})
		}
	}
	if isWrite && a.begun {
		moves = append(moves, move{deed: lose, actor: a}, move{deed: crashAfter, actor: a})
	}
	if a.begun {
		moves = append(moves, move{deed: crashBefore, actor: a})
	}
	return moves
}

// take makes a move, lets everybody go on to where the scheduler decides again, and
// looks at what has become of the secret.
func (w *world) take(m move) error {
	w.note(m.text())
	if m.deed.isFault() {
		w.faults++
	}
	var isWrite bool
	if m.deed == pass {
		w.pauses = slices.DeleteFunc(slices.Clone(w.pauses), func(p time.Duration) bool { return p == m.pause })
		w.disturb()
		time.Sleep(m.pause)
	} else {
		isWrite = writes[m.actor.next()]
		w.last = m.actor
		m.actor.make(m)
	}
	synctest.Wait()
	defer w.nap()
	if isWrite {
		if err := w.published(m.actor.makes); err != nil {
			return err
		}
	}
	return w.check()
}

// nap has everybody wait for the scheduler again who waited for time to pass. No order
// of calls is lost by it: who is awake need not go on.
func (w *world) nap() {
	if slices.ContainsFunc(w.actors, (*actor).sleeps) {
		time.Sleep(nap)
		synctest.Wait()
	}
}

// published looks at what a write has made of the secret.
func (w *world) published(how change) error {
	err := w.history.observe(w, how)
	time.Sleep(tick)
	synctest.Wait()
	return err
}

// disturb notes that calls under way may fail now.
func (w *world) disturb() {
	for _, a := range w.actors {
		a.disturbed = a.disturbed || a.begun
	}
}

// note adds to the schedule.
func (w *world) note(who, what string) {
	for _, suffix := range []string{"SecretValue", "SecretVersionStage", "Secret"} {
		what = strings.Replace(what, suffix, "", 1)
	}
	if n := len(w.schedule); n > 0 && strings.HasPrefix(w.schedule[n-1], who+": ") {
		w.schedule[n-1] += ", " + what
		return
	}
	w.schedule = append(w.schedule, who+": "+what)
}
