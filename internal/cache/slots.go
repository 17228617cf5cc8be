package cache

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// slots limits how many loads run at once. Where more are wanted, the one that has waited
// longest runs next, and each call that asks for a load counts as askBonus more. So after
// a long outage the busiest owners recover first, and the others are not forgotten.
type slots struct {
	size int // 0: no limit
	base time.Time

	mu    sync.Mutex
	used  int
	count uint64 // of all waiters so far
	queue waiters
}

// askBonus is how far a call that asks for a load moves it up in the queue.
const askBonus = time.Second / 5

func newSlots(size int) *slots { return &slots{size: size, base: time.Now()} }

// waiter is a load that waits for its slot.
type waiter struct {
	arrived time.Duration // after slots.base, less askBonus for each call
	number  uint64        // in which order the waiters came
	ready   chan struct{}
	slots   *slots
	refused bool // it was sent away, see sendAway
	index   int  // in the queue; -1: it has its slot, or has left
}

// take waits for a slot until ctx ends. asked is how many calls have asked for the
// load so far; queued, if not nil, is given the waiter, for raise.
func (s *slots) take(ctx context.Context, asked int, queued func(*waiter)) error {
	w := s.enqueue(asked)
	if w == nil {
		return nil
	}
	if queued != nil {
		queued(w)
		defer queued(nil)
	}
	select {
	case <-w.ready:
		if w.refused {
			return errNoSlot
		}
		return nil
	case <-ctx.Done():
	}
	if !s.leave(w) && !w.refused {
		s.free() // the slot came in the same instant
	}
	return errNoSlot
}

// enqueue returns nil where there is a slot at once.
func (s *slots) enqueue(asked int) *waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 || s.used < s.size {
		s.used++
		return nil
	}
	s.count++
	arrived := time.Since(s.base) - time.Duration(asked)*askBonus
	w := &waiter{arrived: arrived, number: s.count, ready: make(chan struct{}), slots: s}
	heap.Push(&s.queue, w)
	return w
}

// leave reports whether w was still waiting.
func (s *slots) leave(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.index < 0 {
		return false
	}
	heap.Remove(&s.queue, w.index)
	return true
}

// raise notes that one more call has asked for the load.
func (w *waiter) raise() {
	s := w.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	w.arrived -= askBonus
	if w.index >= 0 {
		heap.Fix(&s.queue, w.index)
	}
}

// sendAway refuses every waiter.
func (s *slots) sendAway() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		w := heap.Pop(&s.queue).(*waiter)
		w.refused = true
		close(w.ready)
	}
}

// full reports whether there is no slot at once.
func (s *slots) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size > 0 && s.used >= s.size
}

// tryTake takes a slot only if there is one at once.
func (s *slots) tryTake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size > 0 && s.used >= s.size {
		return false
	}
	s.used++
	return true
}

// free gives a slot back, or to the next waiter.
func (s *slots) free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		close(heap.Pop(&s.queue).(*waiter).ready)
		return
	}
	s.used--
}

// waiters is a heap.Interface whose first element runs next.
type waiters []*waiter

func (q waiters) Len() int { return len(q) }

func (q waiters) Less(i, j int) bool {
	if q[i].arrived != q[j].arrived {
		return q[i].arrived < q[j].arrived
	}
	return q[i].number < q[j].number
}

func (q waiters) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *waiters) Push(x any) {
	w := x.(*waiter)
	w.index = len(*q)
	*q = append(*q, w)
}

func (q *waiters) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	w.index = -1
	return w
}
