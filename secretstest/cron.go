package secretstest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is the six fields of a cron expression: minutes, which are 0, hours, day
// of month, month, day of week, year. It does without W, the nearest weekday.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
type cron struct {
	hours, days, months, weekdays, years cronField
}

// cronField is the values of a field; nil: all.
type cronField []cronValue

// cronValue is a range with a step, or one of the special days.
type cronValue struct {
	first, last, step int
	nth               int // of a weekday: the nth in its month, or lastOne
}

// lastOne is L: the last day of the month, or the last such weekday in it.
const lastOne = -1

// horizon is how far a cron expression is looked ahead: past the next leap day.
const horizon = 9 * 366 * day

func parseCron(expression string) windows {
	fields := strings.Fields(expression)
	if len(fields) != 6 || fields[0] != "0" {
		return nil
	}
	var c cron
	for i, field := range []struct {
		to          *cronField
		first, last int
		names       []string
	}{
		{&c.hours, 0, 23, nil},
		{&c.days, 1, 31, nil},
		{&c.months, 1, 12, []string{"", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
		{&c.weekdays, 1, 7, []string{"", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
		{&c.years, 1970, 2199, nil},
	} {
		var ok bool
		if *field.to, ok = parseCronField(fields[i+1], field.first, field.last, field.names); !ok {
			return nil
		}
	}
	return c.window
}

// window looks for the first hour that fits. A schedule of one hour a day has
// windows of the rest of the day, another of an hour.
func (c cron) window(after time.Time) (time.Time, time.Duration) {
	for at := after.Truncate(hour).Add(hour); at.Before(after.Add(horizon)); at = at.Add(hour) {
		if c.fits(at) {
			if len(c.hours) == 1 && c.hours[0].first == c.hours[0].last {
				return at, at.Truncate(day).Add(day).Sub(at)
			}
			return at, hour
		}
	}
	return time.Time{}, 0
}

func (c cron) fits(at time.Time) bool {
	return c.hours.has(at.Hour()) && c.months.has(int(at.Month())) && c.years.has(at.Year()) &&
		c.days.hasDay(at) && c.weekdays.hasWeekday(at)
}

func (f cronField) has(value int) bool {
	return f == nil || slices.ContainsFunc(f, func(v cronValue) bool { return v.has(value) })
}

func (v cronValue) has(value int) bool {
	return v.nth == 0 && value >= v.first && value <= v.last && (value-v.first)%v.step == 0
}

func (f cronField) hasDay(at time.Time) bool {
	return f.has(at.Day()) || slices.ContainsFunc(f, func(v cronValue) bool { return v.nth == lastOne && at.AddDate(0, 0, 1).Day() == 1 })
}

// hasWeekday counts Sunday as 1.
func (f cronField) hasWeekday(at time.Time) bool {
	weekday := int(at.Weekday()) + 1
	return f.has(weekday) || slices.ContainsFunc(f, func(v cronValue) bool {
		nth := (at.Day() + 6) / 7
		isLast := at.AddDate(0, 0, 7).Month() != at.Month()
		return v.first == weekday && (v.nth == nth || v.nth == lastOne && isLast)
	})
}

func parseCronField(text string, first, last int, names []string) (cronField, bool) {
	if text == "*" || text == "?" {
		return nil, true
	}
	var field cronField
	for _, part := range strings.Split(text, ",") {
		value, ok := parseCronValue(part, first, last, names)
		if !ok {
			return nil, false
		}
		field = append(field, value)
	}
	return field, true
}

// parseCronValue reads one of 2, MON, 2-6, *, 1/2, 2-20/3, L, 6L and 3#2.
func parseCronValue(text string, first, last int, names []string) (cronValue, bool) {
	number := func(s string) (int, bool) {
		n := slices.Index(names, s)
		if n < 0 {
			n, _ = strconv.Atoi(s)
		}
		return n, s != "" && n >= first && n <= last && (n != 0 || s == "0")
	}
	if day, ok := strings.CutSuffix(text, "L"); ok {
		n, ok := number(day)
		return cronValue{first: n, nth: lastOne}, ok || day == ""
	}
	if day, nth, ok := strings.Cut(text, "#"); ok {
		n, ok := number(day)
		k, err := strconv.Atoi(nth)
		return cronValue{first: n, nth: k}, ok && err == nil && k >= 1 && k <= 5
	}
	span, step, stepped := strings.Cut(text, "/")
	v := cronValue{first: first, last: last, step: 1}
	ok := true
	if stepped {
		v.step, _ = strconv.Atoi(step)
		ok = v.step > 0
	}
	if span == "*" {
		return v, ok
	}
	from, to, ranged := strings.Cut(span, "-")
	var fromOK bool
	v.first, fromOK = number(from)
	switch {
	case ranged:
		var toOK bool
		v.last, toOK = number(to)
		ok = ok && toOK
	case !stepped:
		v.last = v.first
	}
	return v, ok && fromOK
}
