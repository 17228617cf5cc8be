package document

import (
	"slices"
	"testing"
	"time"
)

func TestSelect(t *testing.T) {
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	var (
		always = Window{}
		from10 = Window{SignAfter: at(10)}
		to10   = Window{NotAfter: at(10)}
		to20   = Window{NotAfter: at(20)}
		from30 = Window{SignAfter: at(30)}
		closed = Window{SignAfter: at(20), NotAfter: at(10)} // ends before it may sign
	)
	repeat := func(w Window, n int) []Window { return slices.Repeat([]Window{w}, n) }
	const none = -1
	for _, tc := range []struct {
		name    string
		ring    []Window
		at      time.Time
		live    []uint16
		signing int
	}{
		{"no key", nil, at(0), nil, none},
		{"one key without bounds", []Window{always}, at(0), []uint16{0}, 0},
		{"signing begins: just before", []Window{from10}, at(10).Add(-1), []uint16{0}, none},
		{"signing begins: at the time", []Window{from10}, at(10), []uint16{0}, 0},
		{"the older signs until the newer may", []Window{from10, always}, at(9), []uint16{0, 1}, 1},
		{"the newer signs once it may", []Window{from10, always}, at(10), []uint16{0, 1}, 0},
		{"a key ends: just before", []Window{to10}, at(10).Add(-1), []uint16{0}, 0},
		{"a key ends: at the time", []Window{to10}, at(10), nil, none},
		{"an ended one is skipped", []Window{to10, to20}, at(15), []uint16{1}, 1},
		{"ended ones between", []Window{from30, to10, to20, to10, always}, at(15), []uint16{0, 2, 4}, 2},
		{"a window that never signs", []Window{closed, to20}, at(9), []uint16{0, 1}, 1},
		{"all live, none may sign", []Window{from30, from10}, at(5), []uint16{0, 1}, none},
		{"all ended", []Window{to10, to20}, at(20), nil, none},
		{"eight", repeat(always, 8), at(0), []uint16{0, 1, 2, 3, 4, 5, 6, 7}, 0},
		{"the ninth is not tried", repeat(always, 9), at(0), []uint16{0, 1, 2, 3, 4, 5, 6, 7}, 0},
		{"nor does it sign", append(repeat(from10, 8), always), at(0), []uint16{0, 1, 2, 3, 4, 5, 6, 7}, none},
		{"ended ones do not count to eight", append(repeat(to10, 8), always), at(10), []uint16{8}, 8},
		{"the eighth signs", append(repeat(from10, 7), always), at(0), []uint16{0, 1, 2, 3, 4, 5, 6, 7}, 7},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := Select(boundsOf(tc.ring), tc.at)
			if live := s.Live(); !slices.Equal(live, tc.live) {
				t.Errorf("live = %v, want %v", live, tc.live)
			}
			signing, ok := s.Signing()
			if ok != (tc.signing != none) || ok && signing != tc.signing {
				t.Errorf("signing = %d, %v, want %d", signing, ok, tc.signing)
			}
		})
	}
}

func TestZeroSelection(t *testing.T) {
	var s Selection
	if _, ok := s.Signing(); ok || len(s.Live()) != 0 {
		t.Error("the zero Selection has a key")
	}
}

func TestSelectDoesNotAllocate(t *testing.T) {
	ring := boundsOf([]Window{{SignAfter: t0.Add(time.Hour)}, {NotAfter: t0.Add(time.Hour)}})
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		s := Select(ring, t0)
		for _, i := range s.Live() {
			sum += int(i)
		}
		signing, _ := s.Signing()
		sum += signing
	}); n != 0 {
		t.Errorf("Select allocates %v times", n)
	}
}

func TestTimeless(t *testing.T) {
	for _, tc := range []struct {
		name string
		ring []Window
		want bool
	}{
		{"no key", nil, true},
		{"no bounds", []Window{{}, {}}, true},
		{"sign_after", []Window{{}, {SignAfter: t0}}, false},
		{"not_after", []Window{{NotAfter: t0}, {}}, false},
	} {
		if got := Timeless(boundsOf(tc.ring)); got != tc.want {
			t.Errorf("%s: Timeless = %v", tc.name, got)
		}
	}
}

// Before the first end, all keys of a ring are live; at it, one is not.
func TestFirstEnd(t *testing.T) {
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	for _, ring := range [][]Window{nil, {{}}, {{SignAfter: at(9)}, {}}} {
		if end := FirstEnd(boundsOf(ring)); end != Endless {
			t.Errorf("%v: FirstEnd = %d", ring, end)
		}
	}
	for _, ring := range [][]Window{{{NotAfter: at(5)}}, {{}, {NotAfter: at(5)}}, {{NotAfter: at(7)}, {NotAfter: at(5)}, {NotAfter: at(9)}}, slices.Repeat([]Window{{NotAfter: at(5)}}, 10)} {
		bounds := boundsOf(ring)
		if end := FirstEnd(bounds); end != at(5).UnixMicro() {
			t.Errorf("%v: FirstEnd = %d", ring, end)
		}
		before, all, after := Select(bounds, at(5).Add(-time.Microsecond)), SelectAll(len(ring)), Select(bounds, at(5))
		if !slices.Equal(before.Live(), all.Live()) {
			t.Errorf("%v: just before the first end %v are live", ring, before.Live())
		}
		if slices.Equal(after.Live(), all.Live()) {
			t.Errorf("%v: at the first end all are live", ring)
		}
	}
}

func boundsOf(windows []Window) []Bounds {
	var bounds []Bounds
	for _, w := range windows {
		bounds = append(bounds, w.Bounds())
	}
	return bounds
}
