package writer_test

import (
	"errors"
	"testing"
	"time"
	"unsafe"

	"github.com/formbridge/tenantsecrets/internal/writer"
	"github.com/formbridge/tenantsecrets/secretstest"
)

var errNotToday = errors.New("composed, and nothing to write")

// What was read may be written after for five minutes. A process that is frozen, as a
// Lambda function is between two calls, has no monotonic clock meanwhile, and the wall
// clock may be set back: the longer of the two times counts.
func TestAFrozenProcessReadsAgain(t *testing.T) {
	for name, test := range map[string]struct {
		wall, monotonic time.Duration // since the base was read
		err             error
	}{
		"neither":                 {0, 0, errNotToday},
		"within five minutes":     {4 * time.Minute, 4 * time.Minute, errNotToday},
		"awake for longer":        {6 * time.Minute, 6 * time.Minute, writer.ErrLost},
		"frozen for longer":       {6 * time.Minute, time.Second, writer.ErrLost},
		"the wall clock set back": {-time.Hour, 6 * time.Minute, writer.ErrLost},
		"only set back":           {-time.Hour, time.Second, errNotToday},
	} {
		t.Run(name, func(t *testing.T) {
			read := time.Now()
			now := onWall(read.Add(test.monotonic), test.wall-test.monotonic)
			if wall := now.Round(0).Sub(read.Round(0)); wall != test.wall || now.Sub(read) != test.monotonic {
				t.Fatalf("%v on the wall and %v on the monotonic clock: time.Time is not what it was", wall, now.Sub(read))
			}
			w := &writer.Writer{API: secretstest.New(), Now: func() time.Time { return now }}
			_, err := w.Put(t.Context(), writer.Base{ARN: "a", VersionID: "b", Read: read}, func(string) (string, error) { return "", errNotToday })
			if !errors.Is(err, test.err) {
				t.Errorf("error %v, want %v", err, test.err)
			}
		})
	}
}

// onWall moves the wall clock of a time and leaves its monotonic one. Package time has no
// call that does: it keeps the seconds of the wall clock above 30 bits of nanoseconds.
func onWall(t time.Time, d time.Duration) time.Time {
	wall := (*int64)(unsafe.Pointer(&t))
	*wall += int64(d/time.Second) << 30
	return t
}
