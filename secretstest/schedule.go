package secretstest

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// rotationRules is when a secret is rotated; the zero value is never.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
type rotationRules struct {
	days     int64  // AutomaticallyAfterDays; 0: not given
	duration string // the length of the window, "3h"; empty: not given
	schedule string // ScheduleExpression; empty: not given
	windows  windows
}

// windows tells when the first rotation window after a moment starts, and how
// long it is by default. A zero start: there is none.
type windows func(after time.Time) (start time.Time, length time.Duration)

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

// newRotationRules reads rules. The service's words about bad ones are not
// recorded.
func newRotationRules(in *types.RotationRulesType) (rotationRules, error) {
	var rules rotationRules
	if in.AutomaticallyAfterDays != nil && in.ScheduleExpression != nil {
		return rules, invalidParameter("You can't use both AutomaticallyAfterDays and ScheduleExpression.")
	}
	if in.Duration != nil {
		rules.duration = *in.Duration
	}
	switch {
	case in.AutomaticallyAfterDays != nil:
		rules.days = *in.AutomaticallyAfterDays
		rules.windows = everyDays(rules.days)
	case in.ScheduleExpression != nil:
		rules.schedule = *in.ScheduleExpression
		if rules.windows = parseSchedule(rules.schedule); rules.windows == nil {
			return rules, invalidParameter("The ScheduleExpression is invalid.")
		}
	}
	return rules, nil
}

// next is the last second of the next window: the rotation happens on or before
// it.
func (r rotationRules) next(since time.Time) time.Time {
	if r.windows == nil {
		return time.Time{}
	}
	start, length := r.windows(since)
	if start.IsZero() {
		return start
	}
	if hours, err := strconv.Atoi(strings.TrimSuffix(r.duration, "h")); err == nil {
		length = time.Duration(hours) * hour
	}
	return start.Add(length - time.Second)
}

func (r rotationRules) answer() *types.RotationRulesType {
	if r.windows == nil {
		return nil
	}
	answer := &types.RotationRulesType{Duration: present(r.duration), ScheduleExpression: present(r.schedule)}
	if r.days != 0 {
		answer.AutomaticallyAfterDays = &r.days
	}
	return answer
}

// everyDays is a window of the whole day, n days on.
func everyDays(n int64) windows {
	return func(after time.Time) (time.Time, time.Duration) {
		return after.Truncate(day).Add(time.Duration(n) * day), day
	}
}

// everyHours is a window of an hour, every n hours from midnight.
func everyHours(n int64) windows {
	return func(after time.Time) (time.Time, time.Duration) {
		step := time.Duration(n) * hour
		midnight := after.Truncate(day)
		return midnight.Add((after.Sub(midnight)/step + 1) * step), hour
	}
}

var ratePattern = regexp.MustCompile(`^rate\((\d+) (hours?|days?)\)$`)

// parseSchedule reads a rate or cron expression, and returns nil for neither.
func parseSchedule(expression string) windows {
	if fields, ok := strings.CutPrefix(expression, "cron("); ok {
		return parseCron(strings.TrimSuffix(fields, ")"))
	}
	m := ratePattern.FindStringSubmatch(expression)
	if m == nil {
		return nil
	}
	n, err := strconv.ParseInt(m[1], 10, 32)
	switch {
	case err != nil || n < 1 || n > 1000: // the longest AutomaticallyAfterDays, in the service model
		return nil
	case strings.HasPrefix(m[2], "day"):
		return everyDays(n)
	case n < 4: // "as often as every four hours"
		return nil
	}
	return everyHours(n)
}
