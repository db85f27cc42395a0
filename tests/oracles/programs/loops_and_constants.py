def loops(xs):
    for x in xs:
        if x:
            break
        elif x > 1:
            continue
        else:
            pass
    else:
        y = 1
    while xs:
        xs = xs[1:]
        if xs: break
        if xs: continue
        while True:
            if xs:
                break
            for z in xs: pass
            else: q = 1
    else:
        return
    for (a,
         b) in [
            (1, 2),
    ]:
        print(a)
    for x in xs: print(x); break
    while 1:
        if xs:
            return 1
        elif not xs:
            raise ValueError


def constants(n):
    if 0:
        a = 1
    elif n:
        a = 2
    elif True:
        a = 3
    elif n:
        a = 4
    else:
        a = 5
    if 1:
        a = 1
    else:
        a = 2
    if not 0 and "x": a = 1
    else: a = 2
    if not __debug__:
        a = 1
    if n or 1:
        a = 1
    if None:
        a = 1
        return a
    if "":
        a = 1
    else:
        a = 2
    if ...:
        a = 1
    if -1:
        a = 1
    if 0.0 or 0j or b"":
        a = 1
    if 1_000:
        a = 1
    if ():
        a = 1
    if (yes := 1):
        a = yes
    while 0:
        a = 1
    while 0:
        a = 1
    else:
        a = 2
    while not False:
        a = 3
        break
    else:
        a = 4
    while True:
        pass


def dead(x):
    return x
    y = 1
    if y:
        z = 1
    def inner():
        return y
    for q in x:
        pass


def after_raise(x):
    if x:
        raise ValueError
        y = 1
    while x:
        continue
        y = 2
    for y in x:
        break
        z = 3
    return


while True: break
else:
    unreachable = 1
if 0: pass
if 0:
    pass
else: last = 1
