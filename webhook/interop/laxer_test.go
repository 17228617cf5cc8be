package interop_test

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// laxer lists what we accept and a peer refuses. None of it accepts an unsigned message.
var laxer = []rule{
	{
		"a member with two =", "we skip a member that we do not know, whatever is in it",
		[]string{"stripe-go"},
		func(s sent) bool {
			for _, member := range s.form.members(s.header) {
				if strings.Count(member, "=") > 1 {
					return true
				}
			}
			return false
		},
	},
	{
		"a v1 with nothing in it", "we skip a signature that is none, and it gives up",
		[]string{"stripe (npm)"},
		func(s sent) bool { return slices.Contains(s.form.tags(s.header), "") },
	},
	{
		"a body that is not UTF-8", "they make a string of the body and hash that",
		[]string{"standardwebhooks (npm)", "svix (npm)", "stripe (npm)", "octokit (npm)"},
		func(s sent) bool { return !utf8.Valid(s.body) },
	},
	{
		"a body that begins with a byte order mark", "it drops the mark and hashes the rest",
		[]string{"stripe (npm)"},
		func(s sent) bool { return bytes.HasPrefix(s.body, []byte("\ufeff")) },
	},
	{
		"an empty body", "it takes it for a missing argument",
		[]string{"octokit (npm)"},
		func(s sent) bool { return len(s.body) == 0 },
	},
}
