package interop_test

import (
	"regexp"
	"strconv"
	"strings"
)

// Peers by what they share.
var (
	goStandard   = []string{"standard-webhooks (Go)", "svix (Go)"}
	npmStandard  = []string{"standardwebhooks (npm)", "svix (npm)"}
	everStandard = append(append([]string{}, goStandard...), npmStandard...)
	everStripe   = []string{"stripe-go", "stripe (npm)"}
)

func and(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// stricter is where we refuse and a peer does not.
var stricter = []rule{
	{
		"a header is there twice",
		"what is before us and what is behind us may each take another one",
		and(everStandard, everStripe, []string{"go-github", "slack-go"}),
		func(s sent) bool {
			for _, values := range s.header {
				if len(values) > 1 {
					return true
				}
			}
			return false
		},
	},
	{
		"a header is over 4 KiB", "it limits the work that anybody can cause",
		and(everStandard, everStripe),
		func(s sent) bool { return longest(s) > 4096 },
	},
	{
		"over 8 signatures", "the same; a secret has 8 live keys at most",
		and(everStandard, everStripe),
		func(s sent) bool { return len(s.form.tags(s.header)) > 8 },
	},
	{
		"a timestamp that is not in canonical decimal", "what is checked and what is hashed are one text",
		and(everStandard, everStripe, []string{"slack-go"}),
		func(s sent) bool { return s.time() != "" && !canonical.MatchString(s.time()) },
	},
	{
		"two timestamps", "they take the last one; the first is as good",
		everStripe,
		func(s sent) bool { return len(s.form.timestamps(s.header)) > 1 },
	},
	{
		"a timestamp that is more than the tolerance ahead", "who signs ahead has a message that is good for as long as he likes",
		everStripe,
		func(s sent) bool { return s.ahead() > 5*60 },
	},
	{
		"a message id with a dot, a space or what is not printable", "id.timestamp.body can be read in two ways",
		everStandard,
		func(s sent) bool {
			id := s.header.Get(s.form.id)
			return id != "" && !plain.MatchString(id)
		},
	},
	{
		"upper-case hex", "one text per signature",
		[]string{"stripe-go", "go-github", "slack-go"},
		func(s sent) bool { return strings.ContainsAny(strings.Join(s.form.tags(s.header), ""), "ABCDEF") },
	},
	{
		"something behind a signature and a comma", "one text per signature",
		everStandard,
		func(s sent) bool { return strings.Contains(strings.Join(s.form.tags(s.header), ""), ",") },
	},
	{
		"a member without =", "there is none in the scheme",
		[]string{"stripe (npm)"},
		func(s sent) bool {
			for _, member := range s.form.members(s.header) {
				if !strings.Contains(member, "=") {
					return true
				}
			}
			return false
		},
	},
	{
		"something behind a signature and =", "one text per signature",
		[]string{"stripe (npm)"},
		func(s sent) bool { return strings.Contains(strings.Join(s.form.tags(s.header), ""), "=") },
	},
	{
		"headers of two sets mixed", "no sender does it",
		[]string{"svix (Go)", "svix (npm)"},
		func(s sent) bool { return mixed(s) },
	},
	{
		"another hash than SHA-256", "SHA-1 is what GitHub had before, SHA-512 it never sent",
		[]string{"go-github"},
		func(s sent) bool {
			return s.header.Get("X-Hub-Signature") != "" || !strings.HasPrefix(s.header.Get(s.form.signature), "sha256=")
		},
	},
	{
		"a body over 1 MiB", "Options.MaxBody; they have the whole body by then",
		and(everStandard, everStripe, []string{"go-github", "slack-go", "octokit (npm)"}),
		func(s sent) bool { return len(s.body) > 1<<20 },
	},
}

var (
	canonical = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})$`)
	plain     = regexp.MustCompile(`^[!--/-~]+$`) // printable, no dot
)

func longest(s sent) (n int) {
	for _, values := range s.header {
		for _, value := range values {
			n = max(n, len(value))
		}
	}
	return n
}

// time is the timestamp's text. Where there are several it is the last, which
// peers take.
func (s sent) time() string {
	texts := s.form.timestamps(s.header)
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1]
}

func (s sent) ahead() int64 {
	at, err := strconv.ParseInt(s.time(), 10, 64)
	if err != nil {
		return 0
	}
	return at - s.now.Unix()
}

// mixed tells whether some but not all headers have the names of svix.
func mixed(s sent) bool {
	some, all := false, true
	for _, name := range svixForm.names() {
		has := s.header.Get(name) != ""
		some, all = some || has || len(s.header.Values(name)) > 0, all && has
	}
	return some && !all
}
