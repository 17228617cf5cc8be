package rotation_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

var (
	errLost     = errors.New("a key is lost")
	errNoSigner = errors.New("no key signs")
	errRevived  = errors.New("a revoked key is accepted again")
)

// history is what the secret has been, and what was promised of its keys.
type history struct {
	began    time.Time
	strict   bool // what is known to go wrong must not either
	states   []snapshot
	names    map[string]string // of keys, by their secrets
	revoked  map[string]bool   // names
	promised map[string]end    // by name
	tenures  map[string]int    // how often a version became current
	children map[string]int    // how many of ours became current after a version
}

func newHistory(began time.Time) history {
	return history{
		began: began, names: map[string]string{}, revoked: map[string]bool{}, promised: map[string]end{},
		tenures: map[string]int{}, children: map[string]int{},
	}
}

func (l *history) last() *snapshot { return l.before(0) }

// before is the secret as it was so many changes ago.
func (l *history) before(ago int) *snapshot { return &l.states[len(l.states)-1-ago] }

// isRecent tells whether a read may still answer what was true so many changes ago.
func (l *history) isRecent(ago int) bool {
	return ago < len(l.states) && time.Since(l.before(ago-1).since) <= lag
}

// staleness is how old a read is that does not see so many changes.
func (l *history) staleness(ago int) time.Duration {
	return time.Since(l.before(ago-1).since) + time.Millisecond
}

func (l *history) nameOf(k document.Key) string {
	name, known := l.names[k.Secret]
	if !known {
		name = fmt.Sprintf("key %d", len(l.names))
		l.names[k.Secret] = name
	}
	return name
}

// offset is a time as the same in all schedules; 0: none.
func (l *history) offset(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Sub(l.began).Milliseconds() + 1
}

// observe looks at what the secret has become.
func (l *history) observe(w *world, how change) error {
	s := w.read()
	s.how = how
	if err := s.view(l); err != nil {
		return err
	}
	if len(l.states) > 0 && s.text == l.last().text {
		return nil
	}
	l.states = append(l.states, s)
	if how == revocation && l.hasNewCurrent() {
		l.revoked[l.nameOf(w.leaked)] = true
	}
	return errors.Join(l.countWinner(), l.checkRevoked(), l.checkPromises())
}

func (l *history) hasNewCurrent() bool {
	return len(l.states) == 1 || l.before(0).holder("AWSCURRENT") != l.before(1).holder("AWSCURRENT")
}

// One winner per base: as often as a version was current, one that was put may have
// followed it. The id of a version that AWS's rotation makes is not a hash of its base.
func (l *history) countWinner() error {
	if !l.hasNewCurrent() {
		return nil
	}
	current := l.last().labelled("AWSCURRENT")
	l.tenures[current.ID]++
	base := current.Document.Base
	if base == "" || l.tenures[current.ID] > 1 || l.last().how == driven {
		return nil
	}
	if l.children[base]++; l.children[base] > l.tenures[base] {
		return errors.New("two versions follow one base")
	}
	return nil
}

// A revoked key is never accepted again. How long a reader takes to see the
// revocation is another test's matter.
func (l *history) checkRevoked() error {
	for _, name := range l.last().names {
		if l.revoked[name] {
			return fmt.Errorf("%w: %s", errRevived, name)
		}
	}
	return nil
}

// A published key is accepted until its not_after or its revocation. The not_after
// itself may only become later; a key that had none may end a day after the change.
// Where somebody wrote without regard to AWSPREVIOUS every key may end by then, or as it
// was to end by what that writer may have read.
func (l *history) checkPromises() error {
	is := l.last()
	day := until(is.since.Add(document.ForeignGrace).Truncate(time.Second))
	for name, promised := range l.promised {
		if l.revoked[name] || promised.before(until(is.since)) {
			delete(l.promised, name)
			continue
		}
		if promised.forever {
			promised = day
		}
		if is.needsPrevious() {
			promised = l.earliest(name, promised, day)
		}
		if end := is.end(name); end.before(promised) {
			return fmt.Errorf("%w: %s was to be accepted for %v more, and is for %v",
				errLost, name, promised.at.Sub(is.since), max(0, end.at.Sub(is.since)))
		}
		l.promised[name] = promised
	}
	l.promise(is)
	return nil
}

// earliest is the earliest of some ends and of those that a key had lately.
func (l *history) earliest(name string, ends ...end) end {
	for _, s := range l.readable(time.Now(), writer.BaseLife) {
		if slices.Contains(s.names, name) && s != l.last() {
			ends = append(ends, s.end(name))
		}
	}
	return slices.MinFunc(ends, func(a, b end) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
}

// promise notes what the current document says of its keys. Of those that AWSPREVIOUS
// alone has it says nothing: what they were promised before stays, though LastChangedDate
// moves on.
func (l *history) promise(s *snapshot) {
	current := s.labelled("AWSCURRENT").Document
	for _, k := range slices.Concat([]document.Key{current.Key}, current.Previous) {
		name := l.nameOf(k)
		if said := endOf(k); !l.revoked[name] && l.promised[name].before(said) {
			l.promised[name] = said
		}
	}
}

// end is until when a key is accepted; long ago if it is not there.
func (s *snapshot) end(name string) end {
	i := slices.Index(s.names, name)
	if i < 0 {
		return end{}
	}
	return endOf(s.ring[i])
}

// end is when a key ends, or never.
type end struct {
	forever bool
	at      time.Time
}

func until(at time.Time) end { return end{at: at} }

func endOf(k document.Key) end { return end{k.NotAfter.IsZero(), k.NotAfter} }

func (e end) before(other end) bool { return !e.forever && (other.forever || e.at.Before(other.at)) }
