package webhook

import (
	"strconv"
	"time"
)

// maxDigits is the length of the longest accepted timestamp, of the year 33658. time.Unix
// and calculations with it cannot overflow.
const maxDigits = 12

// parseTimestamp accepts only the canonical text of each time: the text as received is
// hashed and its value is checked, so the two must agree.
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

// within reports whether signed is at most the tolerance before or after now. Sub returns
// the largest or smallest Duration instead of overflowing.
func within(signed, now time.Time, tolerance time.Duration) bool {
	age := now.Sub(signed)
	return -tolerance <= age && age <= tolerance
}
