package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// Item is one value as it was loaded. It is immutable, but that loads which find nothing
// new confirm it. What a hit reads comes first: among 100,000 items every cache line
// counts.
type Item[S Subject, V any] struct {
	began     atomic.Int64  // clock reading when the last load that confirmed it began
	refreshAt time.Duration // the age from which on it is refreshed; 0: at once, or there is no value
	name      string
	owner     inlineText
	visited   atomic.Bool // by a call, since the hand of the sieve last passed

	// Value is filled in by the load. It must not change once the load has returned.
	Value V

	entry  *Entry[S, V]
	number atomic.Int64  // of the load that confirmed it, see Entry.number; 0: a write of this process made it
	read   time.Duration // when the load that read its value began; guarded by entry.mu
}

// NewItem returns an item without a value, for a load of the entry to fill in.
func NewItem[S Subject, V any](e *Entry[S, V]) *Item[S, V] {
	return &Item[S, V]{entry: e, name: e.Key.Name, owner: inline(e.Key.Owner)}
}

// Entry returns the item's entry.
func (i *Item[S, V]) Entry() *Entry[S, V] { return i.entry }

func (i *Item[S, V]) is(k Key) bool {
	if i.owner.tooLong() {
		return i.entry.Key == k
	}
	return i.owner.equals(k.Owner) && i.name == k.Name
}

// Age returns how long ago the last load that confirmed the item began, at a reading of
// the cache's clock. It is negative where the clock has gone back.
func (i *Item[S, V]) Age(now time.Duration) time.Duration {
	return now - time.Duration(i.began.Load())
}

// isFresh is the one question of a hit. A negative age is not fresh.
func (i *Item[S, V]) isFresh(now time.Duration) bool {
	return uint64(i.Age(now)) < uint64(i.refreshAt)
}

// confirm notes a load that found what the item says. Its caller holds the entry's mu.
func (i *Item[S, V]) confirm(number int64, began, read time.Duration) {
	i.read = read
	i.number.Store(number)
	i.began.Store(int64(began))
}

// Visit marks the item as used, so that the hand of the sieve spares it once. The mark is
// read first: a cache line that is not written stays in every core's cache.
func (i *Item[S, V]) Visit() {
	if !i.visited.Load() {
		i.visited.Store(true)
	}
}

// Entry is the place of one key in the cache, with or without an item.
type Entry[S Subject, V any] struct {
	Key     Key
	Subject S // what is loaded

	hash       uint64
	item       atomic.Pointer[Item[S, V]]
	pause      atomic.Pointer[pause]  // in which no load begins; nil: none
	queued     atomic.Pointer[waiter] // while its load waits for a slot
	number     atomic.Int64           // of the last load that began
	begun      atomic.Int64           // clock reading when the last load began
	nextCheck  atomic.Int64           // clock reading from which on a mismatch may cause a load
	running    atomic.Int32           // loads: one, or also one that a write of this process has superseded
	asked      atomic.Int32           // how many calls have asked for a load since the last success
	checking   atomic.Int32           // how many calls wait until nextCheck
	refreshing atomic.Bool            // a load in the background is on its way
	late       atomic.Bool            // a call has waited for StaleWait in vain since the last success
	exists     atomic.Bool            // it was loaded or created once
	named      atomic.Bool            // the user says that the owner exists
	evicted    atomic.Bool            // it lost its place, and was not loaded since
	onTrial    atomic.Bool            // it was loaded after its eviction, for a message that is not verified yet
	known      atomic.Bool            // it has a place among the known entries

	// Guarded by table.mu.
	newer, older *Entry[S, V] // neighbours in the sieve
	slot         int32        // among the unknown entries, from 1; 0: none
	placed       bool         // it can be found

	mu       sync.Mutex    // never held while a load runs
	failure  error         // of the last load; nil if it succeeded
	class    Class         // of the failure
	failures int32         // in a row
	inVain   int32         // loads in a row after a mismatch that found nothing new
	writes   int           // of this process; a load that began before the last one is not stored
	stamp    int64         // the largest stamp seen, see Found.Stamp; it outlives the item
	appeared time.Duration // when it was created or first found: then a not-found may be a read that lags behind
}

// creationLag is how long a not-found may be a read that lags behind the creation.
const creationLag = 10 * time.Second

func newEntry[S Subject, V any](k Key, hash uint64, subject S) *Entry[S, V] {
	e := &Entry[S, V]{Key: k, Subject: subject, hash: hash, appeared: -creationLag}
	e.begun.Store(int64(-checkGap))
	return e
}

// Item returns what is cached, or nil.
func (e *Entry[S, V]) Item() *Item[S, V] { return e.item.Load() }

// latest returns the item, or one without a value.
func (e *Entry[S, V]) latest() *Item[S, V] {
	if i := e.item.Load(); i != nil {
		return i
	}
	return NewItem(e)
}

func (e *Entry[S, V]) loading() bool { return e.running.Load() > 0 }

// lags reports whether a not-found may be a read that lags behind the creation.
func (e *Entry[S, V]) lags(now time.Duration) bool {
	return newSpan(e.appeared, creationLag).holds(now)
}

// pause is a time after a failure in which no load begins.
type pause struct {
	span
	definitive bool // after a definitive failure
}

// pauseFor lets no load begin for a while. Its caller holds e.mu.
func (e *Entry[S, V]) pauseFor(now, d time.Duration, definitive bool) {
	e.pause.Store(&pause{newSpan(now, d), definitive})
}

// forget forgets the failures so far. Its caller holds e.mu.
func (e *Entry[S, V]) forget() {
	e.failure, e.class, e.failures = nil, Transient, 0
	e.pause.Store(nil)
}

// reconsider forgets a definitive failure. Its caller holds e.mu.
func (e *Entry[S, V]) reconsider() {
	if e.failure != nil && e.class != Transient {
		e.forget()
	}
}

// checkGap is the least time between two loads of one entry that mismatches cause, and
// maxCheckGap what it doubles to while they find nothing new.
const (
	checkGap    = time.Second
	maxCheckGap = 10 * time.Second
)

// planCheck sets when the next mismatch may cause a load. Its caller holds e.mu.
func (e *Entry[S, V]) planCheck() {
	gap := min(checkGap<<min(max(0, e.inVain-1), 4), maxCheckGap)
	e.nextCheck.Store(e.begun.Load() + int64(gap))
}
