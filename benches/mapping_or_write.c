/* What a record of the journal costs: stored into a shared mapping of allocated blocks, as minicov does, or written with
   write(2). Both ask for the process's number first, as minicov does to notice a fork. By hand:

       gcc -O2 -o /tmp/mapping_or_write benches/mapping_or_write.c && cd /tmp && ./mapping_or_write 100000 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <stdatomic.h>
static double cpu(void){struct rusage u;getrusage(RUSAGE_SELF,&u);return u.ru_utime.tv_sec+u.ru_stime.tv_sec+(u.ru_utime.tv_usec+u.ru_stime.tv_usec)/1e6;}
int main(int argc,char**argv){long n=atol(argv[1]);char rec[16]={1};
 for(int round=0;round<3;round++){
 int fd=open("m.tmp",O_RDWR|O_CREAT|O_TRUNC,0600);double t=cpu();
 long seg=64*1024,pos=0;off_t end=0;char*base=0;long len=0;
 for(long i=0;i<n;i++){ if(pos+24>len){ len=base?(len*2>4194304?4194304:len*2):seg; fallocate(fd,0,end,len); base=mmap(0,len,PROT_READ|PROT_WRITE,MAP_SHARED,fd,end); end+=len; pos=0;}
  getpid(); memcpy(base+pos+8,rec,16); atomic_store_explicit((_Atomic unsigned long*)(base+pos),0x1000000004UL+i,memory_order_release); pos+=24;}
 double a=cpu()-t; close(fd); unlink("m.tmp");
 fd=open("m.tmp",O_RDWR|O_CREAT|O_TRUNC|O_APPEND,0600); t=cpu(); char b[24]={4};
 for(long i=0;i<n;i++){getpid(); memcpy(b+8,rec,16); if(write(fd,b,24)!=24)return 1;}
 double w=cpu()-t; close(fd); unlink("m.tmp");
 printf("n=%ld mapping %.0f ns/record, write %.0f ns/record\n",n,a/n*1e9,w/n*1e9);} }
