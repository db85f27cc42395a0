type A = int
type B[T] = list[
    T
]


def f[T: (int, str)](x: T) -> T:
    return f"""{x!r:>{
        x}} {"nested" if x else f'{
            x:%Y-%m}'}"""


class C[T,
        *Ts, **P]:
    type D = T
    x: T

    def m[U](self, x: U): return x


type = 1
y = f"{type}" f"{{}}" f'''
{type
:
  >10}
'''
if y: type X = int
z = f'{(lambda x: 1)}'  # pragma: no cover
w = f'{y:{'>'}{10}}'  # pragma: no cover
