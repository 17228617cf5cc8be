package interop_test

import "slices"

// rule is a reason why one side refuses what the other accepts.
type rule struct {
	name, why string
	of        []string // the peers to which it applies
	holds     func(sent) bool
}

// tally is which rules showed, and how often, in the messages to one peer.
type tally map[string]int

// explain counts the rules that hold of a message, and tells whether one does.
func (t tally) explain(rules []rule, peer string, s sent) bool {
	explained := false
	for _, r := range rules {
		if slices.Contains(r.of, peer) && r.holds(s) {
			t[r.name]++
			explained = true
		}
	}
	return explained
}

// idle are the rules of a peer that nothing showed.
func (t tally) idle(rules []rule, peer string) (names []string) {
	for _, r := range rules {
		if slices.Contains(r.of, peer) && t[r.name] == 0 {
			names = append(names, r.name)
		}
	}
	return names
}
