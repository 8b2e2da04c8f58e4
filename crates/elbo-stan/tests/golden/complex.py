"""Makes complex.tsv: calls with complex numbers and their values by cmath and NumPy, weighted and added up.
Run in this folder: python complex.py
"""
import cmath
import math

import numpy as np

N=12
x=np.array([round(0.9*math.sin(2.1*k+0.4),3) for k in range(N)])
z=complex(x[0],x[1]); y=complex(x[2],x[3])
v=x[0:3]+1j*x[3:6]; u=x[6:9]+1j*x[9:12]
M=(x[0:4]).reshape(2,2,order='F')+1j*x[4:8].reshape(2,2,order='F'); B=x[4:8].reshape(2,2,order='F')-1j*x[8:12].reshape(2,2,order='F')
w=lambda c: c.real+0.7*c.imag
W=lambda a: sum((k+1)*w(c) for k,c in enumerate(np.asarray(a).flatten(order='F')))
Z="to_complex(x[1],x[2])";Y="to_complex(x[3],x[4])";V="to_complex(x[1:3],x[4:6])";U="to_complex(x[7:9],x[10:12])"
MM="to_complex(to_matrix(x[1:4],2,2),to_matrix(x[5:8],2,2))";BB="to_complex(to_matrix(x[5:8],2,2),-to_matrix(x[9:12],2,2))"
rows=[(f"{f}({Z})",w(getattr(cmath,f)(z))) for f in "exp log log10 sqrt sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh".split()]
rows+=[(f"{Z}*{Y}",w(z*y)),(f"{Z}/{Y}",w(z/y)),(f"{Z}-2*{Y}+1",w(z-2*y+1)),(f"{Z}^{Y}",w(z**y)),(f"{Z}^2",w(z**2)),(f"pow({Z},{Y})",w(z**y)),(f"-conj({Z})",w(-z.conjugate())),
(f"to_complex(abs({Z}),arg({Z}))",w(complex(abs(z),cmath.phase(z)))),(f"to_complex(norm({Z}),0)",abs(z)**2),("polar(x[1],x[2])",w(cmath.rect(x[0],x[1]))),
(f"dot_product({V},{U})",w(np.vdot(v,u))),(f"sum({V})+prod({U})",w(v.sum()+u.prod())),(f"dot_self({V})",w(np.vdot(v,v))),
(f"fft({V})",W(np.fft.fft(v))),(f"inv_fft({V})",W(np.fft.ifft(v))),(f"to_vector(fft2({MM}))",W(np.fft.fft2(M))),(f"to_vector(inv_fft2({MM}))",W(np.fft.ifft2(M))),
(f"to_vector({MM}*{BB})",W(M@B)),(f"{MM}*{V}[1:2]",W(M@v[:2])),(f"to_vector(({V}[1:2]).'*{MM})".replace(".'","'"),W(v[:2]@M)),(f"to_vector({MM}')",W(M.T)),
(f"to_vector({MM}/{BB})",W(M@np.linalg.inv(B))),(f"cumulative_sum({V})",W(np.cumsum(v))),(f"{V}.*{U}",W(v*u)),(f"{V}./{U}",W(v/u)),(f"x[1]*{V}+{Z}",W(x[0]*v+z)),
(f"trace({MM})",w(np.trace(M))),(f"to_vector(add_diag({MM},{Z}))",W(M+z*np.eye(2))),(f"to_vector(diag_pre_multiply({V}[1:2],{MM}))",W(np.diag(v[:2])@M)),(f"to_vector(diag_post_multiply({MM},{V}[1:2]))",W(M@np.diag(v[:2]))),
(f"to_vector(columns_dot_product({MM},{BB}))",W((M.conj()*B).sum(0))),(f"rows_dot_self({MM})",W((M.conj()*M).sum(1))),(f"to_vector({U}[1:2]*({V}[1:2])')",W(np.outer(u[:2],v[:2]))),(f"reverse(append_row({V},{Z}))",W(np.append(v,z)[::-1])),
(f"twice({Z})",w(z*z+z.imag))]
open("complex.tsv","w").write("# Calls and the weighted sums of their values by cmath and NumPy 2.\n"+"".join(f"{a}\t{float(b)!r}\n" for a,b in rows))
