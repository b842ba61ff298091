package redis

// command is where a command of the op begins and ends; ok is false behind the last.
func (o *Op) command(c int) (begin, end int, ok bool) {
	if o.ends == nil {
		return 0, len(o.args), c == 0 && len(o.args) > 0
	}
	if c == len(o.ends) {
		return 0, 0, false
	}
	if c > 0 {
		begin = o.ends[c-1]
	}
	return begin, o.ends[c], true
}

// size is how many arguments the op has, with the key of its version and the version.
func (o *Op) size() int {
	if o.fenced {
		return len(o.args) + 2
	}
	return len(o.args)
}

// argument is a pointer to an argument.
func (o *Op) argument(i int) any {
	switch i - len(o.args) {
	case 0:
		return &o.key
	case 1:
		return &o.version
	}
	return &o.args[i]
}

// isKey says whether an argument is the key of a command. Channels are not in slots.
func (o *Op) isKey(i int) bool {
	for c := 0; ; c++ {
		begin, end, ok := o.command(c)
		if !ok || i < end {
			return ok && i == begin+1 && o.args[begin] != "PUBLISH"
		}
	}
}

// gathering are commands that Redis refuses for their key alone, and that do the same with
// the arguments of several. The numbers are how many arguments of one belong together.
var gathering = map[string]int{"RPUSH": 1, "LPUSH": 1, "SADD": 1, "SREM": 1, "HSET": 2, "HDEL": 1}

// mostArguments is how many a script can pass to a command, as apply.lua has it.
const mostArguments = 4000

// gathers is how many ops that are alike and have the same key can be one command.
func (o *Op) gathers() int {
	if o.ends != nil || o.fenced || len(o.args) < 3 {
		return 0
	}
	own := len(o.args) - 2
	if together := gathering[o.args[0]]; together == 0 || own%together != 0 {
		return 0
	}
	return (mostArguments - 2) / own
}

// alike says whether ops have the same commands with as many arguments.
func alike(a, b *Op) bool {
	if len(a.args) != len(b.args) || len(a.ends) != len(b.ends) || a.fenced != b.fenced {
		return false
	}
	for c := 0; ; c++ {
		begin, end, ok := a.command(c)
		if !ok {
			return true
		}
		if _, other, _ := b.command(c); end != other || a.args[begin] != b.args[begin] {
			return false
		}
	}
}

// differing appends the arguments that are not the same in ops that are alike.
func differing(dst []int, ops []Op) []int {
	for i := range ops[0].size() {
		for o := range ops[1:] {
			if !ops[0].same(&ops[o+1], i) {
				dst = append(dst, i)
				break
			}
		}
	}
	return dst
}

func (o *Op) same(other *Op, i int) bool {
	switch i - len(o.args) {
	case 0:
		return o.key == other.key
	case 1:
		return o.version == other.version
	}
	return o.args[i] == other.args[i]
}
