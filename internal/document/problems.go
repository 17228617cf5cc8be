package document

import (
	"fmt"
	"strings"
)

// maxProblems is how many problems an error lists. A document can have thousands, one in
// each element of an array.
const maxProblems = 20

// problems is what is wrong with the members of a document, so that its error can name all
// of it at once. Of each member it keeps the first problem: what is found out about the
// same member later follows from it.
type problems struct {
	members map[string]bool // those with a problem
	texts   []string        // at most maxProblems
}

// add notes a problem of a member. The member's name is one of this package's own, never
// one that was read.
func (p *problems) add(member, format string, args ...any) {
	if p.members[member] {
		return
	}
	if p.members == nil {
		p.members = map[string]bool{}
	}
	p.members[member] = true
	if len(p.texts) < maxProblems {
		p.texts = append(p.texts, member+" "+fmt.Sprintf(format, args...))
	}
}

// within tells whether a member whose name begins so has a problem.
func (p *problems) within(prefix string) bool {
	for member := range p.members {
		if strings.HasPrefix(member, prefix) {
			return true
		}
	}
	return false
}

// err is a Malformed that lists the problems, or nil where there are none.
func (p *problems) err() error {
	if len(p.texts) == 0 {
		return nil
	}
	text := strings.Join(p.texts, "; ")
	if more := len(p.members) - len(p.texts); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return Malformed(text)
}

// bad notes a problem of one of the object's members.
func (o *object) bad(name, format string, args ...any) {
	o.problems.add(o.at+name, format, args...)
}

// isBad tells whether one of the object's members has a problem.
func (o *object) isBad(name string) bool { return o.problems.members[o.at+name] }
