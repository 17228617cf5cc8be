package webhook

import (
	"strconv"
	"time"
)

// maxDigits of a timestamp, up to the year 33658: time.Unix and what is computed
// from it cannot overflow.
const maxDigits = 12

// parseTimestamp accepts one text per time, so that what is hashed, which is
// the text as received, and what is checked are the same.
func parseTimestamp(text string) (seconds int64, ok bool) {
	if text == "" || len(text) > maxDigits || text[0] == '0' && text != "0" {
		return 0, false
	}
	for i := range len(text) {
		digit := text[i] - '0'
		if digit > 9 {
			return 0, false
		}
		seconds = 10*seconds + int64(digit)
	}
	return seconds, true
}

func formatTimestamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// within tells whether a time is at most the tolerance before or after now.
// Sub ends at the longest Duration instead of overflowing, in either direction.
func within(signed, now time.Time, tolerance time.Duration) bool {
	age := now.Sub(signed)
	return -tolerance <= age && age <= tolerance
}
