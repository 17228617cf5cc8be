// Package cache keeps what is slow to load, and decides when to load it again.
//
// It knows nothing of what it keeps: an item is found by its [Key], and loaded by one
// function. The age of an item decides what a call gets. It counts from when the last
// successful load began:
//
//	fresh           below 0.6 to 0.8 TTL   the item
//	refresh-ahead   up to TTL              the item, while one load runs in the background
//	stale           up to MaxStale         a load, waited for at most StaleWait, or else the item
//	expired         from MaxStale on       a load, or an error
//
// What holds for every call:
//
//   - One load of an entry runs at a time, for any number of callers. A caller's context
//     bounds only its own wait.
//   - No lock is held while a load runs. A hit takes no lock, allocates nothing, and
//     writes nothing that two cores would wait for.
//   - A transient failure keeps the item. The next load begins 1, 2, 4... up to 30 s
//     later. A definitive failure evicts the item and is remembered for NegativeTTL.
//   - Loads that anybody can cause, of unknown IDs and for messages that do not match,
//     have slots and budgets of their own. They delay no load of a known owner, and evict
//     none.
//
// A file uses only files before it in this list: clock, key, errors; freshness, budget,
// slots, counter; group, entry, stats; sieve, index; table; cache; admit; load; get,
// mismatch, batch, write.
package cache
